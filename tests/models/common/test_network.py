from models.common.network import Network, with_names
from models.quantize import int8
from tests.models.quantize import graphs


def test_how_many_convolutions_follow() -> None:
    depths = Network(graphs.detector()).convolutions_after
    assert [depths[name] for name in ("stem", "body", "box", "score", "dfl.conv")] == [
        2,
        1,
        1,
        0,
        0,
    ]
    assert depths["body.mul"] == 0
    assert depths["score.flatten"] is None
    assert depths["join"] is None


def test_gates_and_logits_are_found() -> None:
    network = Network(graphs.detector())
    assert network.is_silu_input("s")
    assert not network.is_silu_input("a")
    assert not network.is_silu_input("logits.flat")
    nodes = {node.name: node for node in network.nodes}
    assert network.is_logits(nodes["score"])
    assert not network.is_logits(nodes["box"])
    assert not network.is_logits(nodes["body"])


def test_the_stem_and_its_activation() -> None:
    assert Network(graphs.detector()).stem == {"stem", "stem.sigmoid", "stem.mul"}


def test_names_are_made_unique() -> None:
    model = graphs.detector()
    model.graph.node[0].name = model.graph.node[1].name = ""
    model.graph.node[2].name = model.graph.node[3].name = "twice"
    names = [node.name for node in with_names(model).graph.node]
    assert len(set(names)) == len(names)
    assert all(names)


def test_what_decodes_boxes_stays_in_float() -> None:
    """As it is after ``prepare``: without the distribution's convolution."""
    model = graphs.detector()
    kept = [node for node in model.graph.node if not node.name.startswith("dfl.")]
    kept.append(graphs.node("Reshape", "box.flat by.side", "sides", "dfl.join"))
    order = {node.name: place for place, node in enumerate(kept)}
    kept.insert(order["scale"], kept.pop())
    del model.graph.node[:]
    model.graph.node.extend(kept)
    network = Network(model)

    def chosen(depth: int) -> list[str]:
        return [node.name for node in int8.layers(network, depth)]

    assert chosen(0) == ["body", "body.sigmoid", "body.mul", "score"]
    assert chosen(1) == ["body", "body.sigmoid", "body.mul"]
    assert chosen(2) == []


def test_a_graph_that_ends_at_its_logits_keeps_its_last_convolutions_in_float() -> None:
    model = graphs.detector()
    nodes = list(model.graph.node)
    del model.graph.node[[node.name for node in nodes].index("score") + 1 :]
    chosen = [node.name for node in int8.layers(Network(model))]
    assert chosen == ["body", "body.sigmoid", "body.mul"]
