"""srlib: the small library behind *Super-Resolution, Hands On*.

A photo's natural path through it is the reading order of the package:

    images.load -> degrade -> sampling -> models -> train -> metrics -> figures

Importing ``srlib`` does nothing but define this text and the version; import the module you need
(``from srlib import images, metrics``). Tensors are float32, ``(N,) C, H, W``, with values in [0, 1]
at every public boundary.
"""

__version__ = "1.0.0"
