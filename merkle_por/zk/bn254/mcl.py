"""mcl through the wheel mclbn256: placeholder until the Python layers are committed."""

from merkle_por.zk.bn254.layers import Layer, LayerUnavailable


def MclLayer() -> Layer:
    raise LayerUnavailable("not yet")
