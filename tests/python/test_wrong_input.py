"""What a user gets wrong is told in words, with the field: never a bare error of Python's, never
taken as if it were right."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

import twinpath as tp
from twinpath.arguments import seed_of, whole
from twinpath.cli import impair
from twinpath.supervise import WorkerEnd

NAN, INF, HUGE = float("nan"), float("inf"), "1e400"
Work = Callable[..., Any]


@tp.scenario
def transfer(net: tp.Net, *, size: tp.Bytes = "10kB", loss: tp.Ratio = "0%", n: int = 1,
             factor: float = 1.0, word: str = "x", kind: tp.Choice["a", "b"] = "a",
             load: tp.PacketRate = "100pps"):
    client, server = net.host("client"), net.host("server")
    net.link(client, server, name="wire", rate="10Mbps", delay="1ms", loss=loss)
    net.stop(when=client.run(tp.Bulk(server, size)).done, at_most="10s")


def study(**asked: Any) -> Work:
    return lambda db: tp.study(asked.pop("db", db), asked.pop("scenario", transfer), **asked)


def built(build: Callable[[tp.Net, Any, Any], Any]) -> Work:
    """`build(net, client, server)` as part of a scenario that is right."""

    @tp.scenario
    def wrong(net: tp.Net):
        client, server = net.host("client"), net.host("server")
        net.link(client, server, name="wire", rate="10Mbps")
        net.stop(at_most="1s")
        build(net, client, server)

    return lambda: wrong().plan("sim")


def added(case: Any = None, **asked: Any) -> Work:
    suite = tp.suite("s")
    given = {"driver": "sim", "seeds": [1], "expect": [tp.same("fct_s")], **asked}
    return lambda: suite.add(transfer() if case is None else case, **given)


# field -> what is wrong. `db` is a database with run 1, `new` one that is yet to be.
QUANTITIES = {
    "time": [lambda: tp.Time(""), lambda: tp.Time("5"), lambda: tp.Time(5), lambda: tp.Time("-1ms"),
             lambda: tp.Time("5 parsecs"), lambda: tp.Time(None), lambda: tp.Time(True),
             lambda: tp.Time([1]), lambda: tp.Time(NAN), lambda: tp.Time(INF),
             lambda: tp.Time(HUGE + "s"), lambda: tp.Time("1e999999999999999999999s"),
             lambda: tp.Time("300y"), lambda: tp.Time(tp.Rate("1bps"))],
    "size": [lambda: tp.Bytes(HUGE + "B"), lambda: tp.Bytes("1kb"), lambda: tp.Bytes(-1)],
    "rate": [lambda: tp.Rate(HUGE + "bps"), lambda: tp.Rate("unlimted"), lambda: tp.Rate("1B"),
             lambda: tp.Rate("1Mbps") + 5],
    "fraction": [lambda: tp.Ratio(NAN), lambda: tp.Ratio(INF), lambda: tp.Ratio("101%"),
                 lambda: tp.Ratio(HUGE), lambda: tp.Ratio("x")],
    "Choice": [lambda: tp.Choice[()], lambda: tp.Choice[5]],
}
PARAMETERS = {
    "n": [lambda: transfer(n=1.5), lambda: transfer(n="x"), lambda: transfer(n=NAN),
          lambda: transfer(n=INF), lambda: transfer(n=True), lambda: transfer(n=10**30),
          lambda: transfer(n=None), lambda: transfer(n=[1])],
    "factor": [lambda: transfer(factor=NAN), lambda: transfer(factor=INF),
               lambda: transfer(factor="1e400"), lambda: transfer(factor=10**400)],
    "word": [lambda: transfer(word=None)],
    "kind": [lambda: transfer(kind="c"), lambda: transfer(kind=None), lambda: transfer(kind=["a"])],
    "loss": [lambda: transfer(loss=2), lambda: transfer(loss=-1), lambda: transfer(loss="x")],
    "los": [lambda: transfer(los=1)],
    "transfer": [lambda: transfer("10MB")],
    "scenario": [lambda: tp.scenario(5), lambda: tp.scenario("x")],
    "settings": [lambda: transfer().with_settings(5), lambda: transfer().with_settings({5: 1})],
    "params": [lambda: transfer().with_params(["size"])],
    "client.tcp.no": [lambda: transfer().with_settings({"client.tcp.no": 1}).plan("sim")],
    "client.tcp.nagle": [lambda: transfer().with_settings({"client.tcp.nagle": 7}).plan("sim")],
    "client.tcp.mss_bytes": [
        lambda value=value: transfer().with_settings({"client.tcp.mss_bytes": value}).plan("sim")
        for value in (NAN, INF, True, "x", -1, 10**30)],
    "wire.rate": [lambda: transfer().with_settings({"wire.rate": 0}).plan("sim")],
    "driver": [lambda: transfer().plan("smi"), lambda: transfer().plan(None),
               lambda: transfer().plan(["sim"]), lambda: transfer().session("smi"),
               lambda: transfer().session("emu")],
}
RUNS = {
    "seed": [lambda new, seed=seed: transfer().simulate(seed, db=new)
             for seed in (-1, 2**64, 1.0, "1", None, True)]
            + [lambda: transfer().session(seed=-1),
               lambda: transfer().capacity("sim", seed="x")],
    "timeout": [lambda new, value=value: transfer().simulate(db=new, timeout=value)
                for value in (0, -1, NAN, INF, "5s", True)] + [study(timeout=NAN)],
    "db": [lambda: transfer().simulate(db=5), lambda: transfer().simulate(db="/"),
           lambda: transfer().simulate(db="no/folder/x.db"), lambda: tp.open("none.db"),
           lambda: tp.open(5), lambda: tp.open(""), lambda: tp.Run("none.db", 1).status,
           study(db=5), study(db="/"), lambda: tp.Study("none.db").df()],
    "pcap": [lambda new: transfer().simulate(db=new, pcap=5),
             lambda new: transfer().simulate(db=new, pcap="/proc/none/x"),
             lambda new: transfer().simulate(db=new, pcap="no/folder/x.pcapng")],
    "costs": [lambda new, value=value: transfer().simulate(db=new, costs=value)
              for value in (5, "none", "constant:5", "constant:-1us", None)],
    "testbed": [lambda new: transfer().simulate(db=new, testbed="veth"),
                study(testbed="net_ring"), added(testbed="veth"),
                lambda: transfer().capacity("sim", testbed="veth"),
                lambda new: transfer().emulate(db=new, testbed="vet"),
                lambda new: transfer().emulate(db=new, testbed=5)],
    "on_trial": [lambda: transfer().capacity("sim", on_trial=5)],
    "metric": [lambda run: run["no"], lambda run: run.get("no"), lambda run: run[5],
               lambda run: run.series("cwnd_bytes")],
    "entity": [lambda run: run.get("fct_s", "no"), lambda run: run.get("fct_s", 5)],
    "table": [lambda run: run.df("no"), lambda run: run.df(5)],
    "run": [lambda db: tp.Run(db, 99).status],
    "path": [lambda run: run.report("no/folder/x.html"), lambda run: run.report(5),
             lambda db: tp.open(db).report("/")],
    "study": [lambda db: tp.open(db, "no")],
    "ci": [lambda db, ci=ci: tp.open(db).plot("fct_s", x="loss", ci=ci) for ci in (0, 2, NAN, "x")],
    "a": [lambda db: tp.open(db).paired("fct_s", 5, {}),
          lambda db: tp.open(db).paired("fct_s", {5: 1}, {})],
    "RUN": [lambda: tp.diff(5, 6), lambda: tp.diff("no", "no")],
    "log": [lambda: tp.replay(5), lambda: tp.replay("none.turnlog")],
    "sim": [lambda: tp.compare(5, 6)],
    "emu": [lambda run: tp.compare(run, None)],
    "repeats": [lambda run, n=n: tp.compare(run, run, repeats=n) for n in (0, -1, 1.5, "x")],
    "within": [lambda run: tp.compare(run, run, within=NAN)],
    "metrics": [lambda run: tp.compare(run, run, metrics=5)],
}
STUDIES = {
    "scenario": [study(scenario=5), study(scenario=transfer.fn), study(scenario=transfer())],
    "grid": [study(grid=["loss"]), study(grid={5: [1]})],
    "zip": [study(zip=5)],
    "fixed": [study(fixed=5)],
    "settings": [study(settings="x")],
    "loss": [study(grid={"loss": []}), study(grid={"loss": ["x"]}), study(fixed={"loss": NAN})],
    "seeds": [study(seeds=[]), study(seeds=[-1]), study(seeds="1..3"), study(seeds=NAN),
              study(seeds=itertools.count())],
    "drivers": [study(drivers=[]), study(drivers=["smi"]), study(drivers=[5])],
    "jobs": [study(jobs=value) for value in (0, -1, 1.5, "2", 10**9)],
    "where": [study(where=5), study(where=lambda p: p["no"]), study(where="loss >"),
              study(where="n / 0 > 1"), study(where="(" * 900), study(where="no > 1")],
}
SUITES = {
    "suite": [lambda: tp.suite(""), lambda: tp.suite("a/b"), lambda: tp.suite(None)],
    "case": [added(case=5), added(case=transfer)],
    "seeds": [added(seeds=5), added(seeds=[]), added(seeds=["1"]), added(seeds=[1, 1])],
    "reps": [added(seeds=None, reps=value) for value in (-1, "7", 1.5, 10**9)],
    "expect": [added(expect=5), added(expect=["fct_s"])],
    "tags": [added(tags=5)],
    "name": [added(name=5)],
    "confidence": [lambda value=value: tp.no_worse("fct_s", confidence=value)
                   for value in (0, 1, NAN, "x")],
    "fct_s": [lambda: tp.no_worse("fct_s", rel=-1), lambda: tp.no_worse("fct_s", rel="x"),
              lambda: tp.no_worse("fct_s", abs=NAN), lambda: tp.no_worse("fct_s", abs=-1),
              lambda: tp.no_worse("fct_s", rel=0.1, abs=1), lambda: tp.at_most("fct_s", NAN),
              lambda: tp.at_least("fct_s", INF), lambda: tp.at_most("fct_s", None)],
    "metric": [lambda: tp.same(5), lambda: tp.at_most("", 1)],
}
NETS = {
    "host": [built(lambda net, a, b: net.host("")), built(lambda net, a, b: net.host(5)),
             built(lambda net, a, b: net.host(None)), built(lambda net, a, b: net.host("a b")),
             built(lambda net, a, b: net.host("client")),
             built(lambda net, a, b: net.host("wire"))],
    "x.address": [built(lambda net, a, b, v=value: net.host("x", address=v))
                  for value in (5, "198.18.0.1", "no", [5], "::1/64", "198.18.0.1/40")],
    "x.stack": [built(lambda net, a, b, v=value: net.host("x", stack=v))
                for value in (5, "lnux", {"smi": "twinpath"}, {"emu": "lnux"}, ["twinpath"])],
    "x.tcp": [built(lambda net, a, b, v=value: net.host("x", tcp=v))
              for value in (5, "cubic", [1])],
    "x.tcp.no": [built(lambda net, a, b: net.host("x", tcp={"no": 1}))],
    "x.cores": [built(lambda net, a, b, v=value: net.host("x", cores=v))
                for value in (-1, 1.5, "1", NAN, 10**9)],
    "x.count": [built(lambda net, a, b, v=value: net.clients("x", count=v))
                for value in (0, -1, 1.5, "1", 10**9)],
    "link": [built(lambda net, a, b: net.link(a, b, name="")),
             built(lambda net, a, b: net.link(a, b, name="wire")),
             built(lambda net, a, b: net.link(a, b, name=5))],
    "l": [built(lambda net, a, b: net.link(a, "server", name="l")),
          built(lambda net, a, b: net.link(a, a, name="l")),
          built(lambda net, a, b: net.link(a, tp.Net().host("far"), name="l"))],
    "l.rate": [built(lambda net, a, b, v=value: net.link(a, b, name="l", rate=v))
               for value in (0, -1, "5", NAN, HUGE + "bps", None)],
    "l.delay": [built(lambda net, a, b, v=value: net.link(a, b, name="l", delay=v))
                for value in (5, "-1ms", "5m", HUGE + "s", None)],
    "l.queue": [built(lambda net, a, b: net.link(a, b, name="l", queue=0))],
    "l.loss": [built(lambda net, a, b, v=value: net.link(a, b, name="l", loss=v))
               for value in (2, -0.1, NAN, "x", None)],
    "measure.metrics": [built(lambda net, a, b, v=value: net.measure(metrics=v))
                        for value in (5, ["no"], [5])],
    "measure.events": [built(lambda net, a, b, v=value: net.measure(events=v))
                       for value in (5, ["no"], [5])],
    "measure.every": [built(lambda net, a, b, v=value: net.measure(every=v))
                      for value in (0, "5", NAN)],
    "stop.when": [built(lambda net, a, b, v=value: net.stop(when=v, at_most="1s"))
                  for value in (5, "client/app0", [5])]
                 + [built(lambda net, a, b: net.stop(when=[a.run(tp.Bulk(b))], at_most="1s"))],
    "stop.at_most": [built(lambda net, a, b, v=value: net.stop(at_most=v))
                     for value in (0, 5, NAN, HUGE + "s", None)],
    "done": [built(lambda net, a, b: a.run(tp.Bulk(b)).done & 5)],
    "net.on": [built(lambda net, a, b: net.on("no", print)),
               built(lambda net, a, b: net.on(5, print)),
               built(lambda net, a, b: net.on("tcp", 5)),
               built(lambda net, a, b: net.on("tcp", print, entity=5))],
    "client/app0": [built(lambda net, a, b: a.run(5)),
                    built(lambda net, a, b: a.run(tp.Bulk("server"))),
                    built(lambda net, a, b: a.run(tp.Bulk(a)))],
    "client/app0.start": [built(lambda net, a, b: a.run(tp.Bulk(b), start=5))],
    "native.source": [built(lambda net, a, b: a.run(tp.native(5, "X")))],
    "native.cls": [built(lambda net, a, b: a.run(tp.native("x.cc", 5)))],
    "native": [built(lambda net, a, b: a.run(tp.native("none.cc", "X")))],
    "bulk.size": [lambda value=value: tp.Bulk(None, value) for value in (-1, "5", NAN, HUGE + "B")],
    "bulk.port": [lambda value=value: tp.Bulk(None, port=value) for value in (0, 65536, "80", 1.5)],
    "http_get.verify": [lambda value=value: tp.HttpGet(None, verify=value)
                        for value in ("md5", [])],
    "request_response.connections": [lambda: tp.RequestResponse(None, connections=0)],
    "udp_bulk.rate": [lambda: tp.UdpBulk(None), lambda: tp.UdpBulk(None, rate=5)],
    "replay.rate": [lambda: tp.Replay("none.pcap", None, rate=NAN)],
    "Replay.pcap": [lambda: tp.Replay("none.pcap", None)],
    "Trace.file": [lambda: tp.Trace(5, "x").times()],
    "Trace.unit": [lambda: tp.Trace("x.csv", "x", unit=5).times()],
}
TABLE = [pytest.param(field, work, id=f"{field}-{index}")
         for group in (QUANTITIES, PARAMETERS, RUNS, STUDIES, SUITES, NETS)
         for field, works in group.items() for index, work in enumerate(works)]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> str:
    db = str(tmp_path_factory.mktemp("wrong") / "r.db")
    transfer().simulate(db=db)
    return db


@pytest.fixture
def known(recorded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a mistake may be made with, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return {"db": recorded, "new": str(tmp_path / "new.db"), "run": tp.Run(recorded, 1)}


@pytest.mark.parametrize("field, work", TABLE)
def test_a_mistake_is_told_with_its_field(field: str, work: Work, known: dict[str, Any],
                                          sim: None) -> None:
    names = work.__code__.co_varnames[:work.__code__.co_argcount]
    if work.__qualname__.startswith("study."):
        known["db"] = known["new"]
    with pytest.raises(tp.ConfigError) as caught:
        work(**{name: known[name] for name in names if name in known})
    problems = caught.value.problems
    assert field in [problem.field for problem in problems], [str(p) for p in problems]
    assert all(problem.message for problem in problems)
    assert not Path(known["new"]).exists()


def test_what_a_run_lacks_is_a_key_error_too(recorded: str, sim: None) -> None:
    run = tp.Run(recorded, 1)
    with pytest.raises(KeyError, match="did you mean 'fct_s'"):
        run["fct"]
    with pytest.raises(KeyError, match="net.measure"):
        run.series("cwnd_bytes")


def test_an_error_in_a_scenario_names_the_user_s_line(sim: None) -> None:
    @tp.scenario
    def broken(net: tp.Net):
        net.host("client", adress="198.18.0.1/24")  # the line it is

    with pytest.raises(tp.ConfigError, match=r"adress.*test_wrong_input\.py:\d+"):
        broken().plan("sim")


def test_an_interrupted_box_says_so(capsys) -> None:
    counted = {"status": "done", "counters": {}}
    assert impair._report(WorkerEnd(counted, stopped="interrupted"), as_json=True) == 130
    assert json.loads(capsys.readouterr().out)["status"] == "interrupted"
    assert impair._report(WorkerEnd(counted), as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "done"


def test_whole_numbers_of_numpy_are_whole_numbers() -> None:
    assert type(seed_of(np.uint64(2**63))) is int and whole(np.int16(3), "repeats", 1, 5) == 3
    for wrong in (True, np.bool_(True), 1.0, "1", None):
        with pytest.raises(tp.ConfigError):
            seed_of(wrong)
        with pytest.raises(tp.ConfigError):
            whole(wrong, "repeats", 1, 5)
