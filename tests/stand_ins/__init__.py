"""What the tests use where no real models and photos lie beside the checkout.

``scene``: two drawn photos and a model that finds in them what they were drawn with.
``rewired``: the shipped model in the form of each family, made anew for each run.
"""
