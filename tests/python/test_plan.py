"""Scenarios become Plans: pure, canonical, hashed, and refused with every problem at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twinpath as tp
from twinpath import discover, matrix


@tp.scenario
def pair(net: tp.Net, *, size: tp.Bytes = "1MB", loss: tp.Ratio = 0, rate: tp.Rate = "10Mbps",
         mode: tp.Choice["fast", "slow"] = "fast", count: int = 1):
    """Two hosts."""
    left, right = net.host("left"), net.host("right")
    net.link(left, right, name="wire", rate=rate, delay="1ms", loss=loss)
    get = left.run(tp.HttpGet(right, size=size))
    net.stop(when=get.done, at_most="10s")


def problems_of(build) -> list[str]:
    with pytest.raises(tp.ConfigError) as caught:
        build()
    return [str(problem) for problem in caught.value.problems]


def test_a_plan_holds_integers_of_ns_bytes_and_bits() -> None:
    data = pair(size="10MB", loss="1%").plan("sim").data
    link, app = data["links"][0], data["apps"][0]
    assert (link["rate_bps"], link["delay_ns"], link["loss"]) == (10_000_000, 1_000_000, 0.01)
    assert app["args"] == {"size_bytes": 10_000_000, "verify": "sha256", "port": 80}
    assert data["stop"] == {"when": ["left/app0"], "at_most_ns": 10_000_000_000}
    assert data["params"]["size"] == 10_000_000


def test_a_link_that_marks_says_so_and_others_keep_their_plan() -> None:
    assert "ecn_threshold_bytes" not in pair().plan("sim").data["links"][0]
    marking = pair().with_settings({"wire.ecn_threshold": "30kB"}).plan("sim").data
    assert marking["links"][0]["ecn_threshold_bytes"] == 30_000


def test_addresses_and_servers_are_filled_in() -> None:
    data = pair().plan("sim").data
    assert [h["addresses"] for h in data["hosts"]] == [["198.18.0.1/24"], ["198.18.0.2/24"]]
    assert [a["path"] for a in data["apps"]] == ["left/app0", "right/app0"]
    assert data["apps"][1]["kind"] == "http_server"


def test_equal_cases_have_equal_hashes_whatever_the_spelling() -> None:
    one, other = pair(size="1MB", loss="1%"), pair(loss=0.01, size="1000kB")
    assert one.plan("sim").sha256 == other.plan("sim").sha256
    assert one == other and hash(one) == hash(other)


@settings(max_examples=30)
@given(loss=st.floats(0, 1, exclude_max=True), other=st.floats(0, 1, exclude_max=True))
def test_the_hash_tells_cases_apart(loss: float, other: float) -> None:
    equal = pair(loss=loss).plan("sim").sha256 == pair(loss=other).plan("sim").sha256
    assert equal == (loss == other)


def test_the_hash_depends_on_the_driver_and_on_settings() -> None:
    case = pair()
    hashes = {case.plan("sim").sha256, case.plan("emu").sha256,
              case.with_settings({"left.tcp.delayed_ack": "10ms"}).plan("sim").sha256}
    assert len(hashes) == 3


def test_json_is_canonical() -> None:
    plan = pair().plan("sim")
    assert plan.json == json.dumps(json.loads(plan.json), sort_keys=True, separators=(",", ":"))


def test_every_bad_parameter_is_named_at_once() -> None:
    found = problems_of(lambda: pair(size=10, los=1, mode="fsat", count="many"))
    assert len(found) == 4
    assert found[0].endswith("did you mean 'loss'?")
    assert "size: 10 has no unit; write '10kB'" in found[1]
    assert "did you mean 'fast'?" in found[2]
    assert "count: 'many' is not a whole number" in found[3]


def test_every_bad_setting_is_named_at_once() -> None:
    case = pair().with_settings({
        "left.tcp.delayed_ac": "1ms", "left.tcp.mss_bytes": "1B", "left.tcp.congestion": "cubik",
        "lift.tcp.x": 1, "wire.loss": "200%", "wire.length": 1, "right.stack": "linux"})
    text = "\n".join(problems_of(lambda: case.plan("sim")))
    for piece in ("did you mean 'delayed_ack'?", "1B is out of range (88..65495 bytes)",
                  "did you mean 'cubic'?", "no host or link 'lift'", "wire.loss: 200% is above 1",
                  "no setting of link wire 'length'", "linux needs a real clock"):
        assert piece in text


def test_settings_arrive_in_the_plan() -> None:
    case = pair().with_settings({"left.tcp.delayed_ack": "10ms", "left.tcp.nagle": "off",
                                 "wire.delay": "7ms"})
    data = case.plan("sim").data
    assert data["hosts"][0]["tcp"] == {"delayed_ack": 10_000_000, "nagle": False}
    assert data["links"][0]["delay_ns"] == 7_000_000


@tp.scenario
def broken(net: tp.Net):
    """Everything that can be wrong with a network."""
    one = net.host("one", address="300.1.1.1/24", cores=3)
    net.host("one", address="10.0.0.1")
    far = net.host("far", stack={"sim": "linux"})
    net.link(one, one, name="loop", rate="fast", queue=0)
    one.run(tp.Bulk(far))
    net.measure(every="10")


def test_every_problem_of_a_network_is_named_at_once() -> None:
    text = "\n".join(problems_of(lambda: broken().plan("sim")))
    for piece in ("'300.1.1.1/24' is not an address", "'one' is already taken",
                  "write '10.0.0.1/24'", "joins a host with itself",
                  "'fast' is not a rate", "a queue of 0 carries nothing",
                  "linux needs a real clock", "no link joins one and far",
                  "10 has no unit", "never calls net.stop"):
        assert piece in text


@tp.scenario
def two_mistakes(net: tp.Net):
    """A problem of the network and one of an app."""
    one, two = net.host("1 bad name"), net.host("two")
    net.link(one, two)
    one.run(tp.HttpGet(two, size="1", verify="md5"))


def test_problems_of_apps_join_those_of_the_network() -> None:
    text = "\n".join(problems_of(lambda: two_mistakes().plan("sim")))
    for piece in ("'1 bad name' is not a name", "http_get.size: 1 has no unit", "'md5' is not"):
        assert piece in text


@tp.scenario
def unserved(net: tp.Net, *, receiver: tp.Choice["given", "none"] = "given"):
    """Servers that are added for clients must exist where they are added, too."""
    a, b = net.host("a"), net.host("b", stack="ns3")
    net.link(a, b)
    a.run(tp.RequestResponse(b))
    a.run(tp.Bulk(b, "1MB") if receiver == "given" else tp.Bulk(size="1MB"))
    net.stop(at_most="1s")


def test_a_server_that_cannot_be_added_names_who_needs_it() -> None:
    assert problems_of(lambda: unserved().plan("sim")) == [
        "b/app0: echo_server does not exist on stack ns3 under sim; a/app0 (request_response) "
        f"needs it there ({' '.join(matrix.SUPPORTED['sim', 'ns3'])})"]
    text = problems_of(lambda: unserved(receiver="none").plan("sim"))
    assert text == ["bulk.to: must be given: the host that receives; its BulkSink is added there "
                    "(a host of this network)"]


def test_a_linux_peer_on_rings_is_told_the_parameter_or_setting() -> None:
    from twinpath.execute import check_testbed

    def hint(case: tp.Case) -> str:
        return problems_of(lambda: check_testbed(case.plan("emu"), "net_ring"))[0]

    web = discover.find("web_transfer")
    assert hint(web()).endswith("use the testbed veth, or -p server_stack=twinpath")
    check_testbed(web(server_stack="twinpath").plan("emu"), "net_ring")
    own = pair().with_settings({"right.stack": "linux"})
    assert hint(own).endswith("use the testbed veth, or -s right.stack=twinpath")
    check_testbed(own.with_settings({"right.stack": "twinpath"}).plan("emu"), "net_ring")


@pytest.mark.parametrize("driver", matrix.DRIVERS)
@pytest.mark.parametrize("name", discover.names())
def test_every_scenario_of_the_tree_plans(name: str, driver: str) -> None:
    plan = discover.find(name)().plan(driver)
    assert plan.scenario == name and plan.driver == driver
    assert plan.data["stop"]["when"] or plan.data["stop"]["at_most_ns"] <= 10_000_000_000


def test_an_impossible_cell_names_what_exists() -> None:
    transfer = discover.find("web_transfer")
    assert "it exists under emu and bridge only" in problems_of(
        lambda: transfer(client_stack="linux").plan("sim"))[0]
    assert "ns3 is a simulated stack" in problems_of(
        lambda: transfer(server_stack="ns3").plan("emu"))[0]


def test_a_signature_without_types_or_star_is_refused() -> None:
    def positional(net, size: tp.Bytes = "1B"): ...
    def untyped(net, *, size="1B"): ...
    def empty(): ...
    assert "after `*`" in problems_of(lambda: tp.scenario(positional))[0]
    assert "no type Twinpath knows" in problems_of(lambda: tp.scenario(untyped))[0]
    assert "takes `net`" in problems_of(lambda: tp.scenario(empty))[0]


@pytest.mark.parametrize("call", [
    lambda: tp.Net().box("b"),
    lambda: tp.Net().tester("t", ports=2)])
def test_what_is_not_built_says_so(call) -> None:
    assert "is not available yet" in problems_of(call)[0]
