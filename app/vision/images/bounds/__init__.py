"""What a file may cost beyond its pixels.

The pixel limit and the decoding budget bound what honest files take. These bound files that are
made to cost more: by their structure, or by frames larger than what they declare.
"""
