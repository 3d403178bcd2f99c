"""What the tests of hostile requests send pieces of."""

from tests.http.client import BOUNDARY, drawn

IMAGE = drawn(40, 30)
MARKUP = "<script>alert(1)</script>"
FILE = 'Content-Disposition: form-data; name="file"'
END = f"--{BOUNDARY}--\r\n".encode()


def part(head: str, content: bytes = IMAGE) -> bytes:
    """Of a form; ``head`` are its headers."""
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode("utf-8", "surrogatepass") + content + b"\r\n"
