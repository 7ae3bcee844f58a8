"""The demo, short and without root's rights: everything promised is printed and written."""

from __future__ import annotations

import re

from twinpath.captures import check_all


def test_the_demo_writes_and_says_what_it_promises(sim, emu, cli, tmp_path) -> None:
    ran = cli("demo", "--quick", "--no-root")
    assert ran.code in (0, 4), ran.out + ran.err  # 4: too busy here for any emulation to be valid
    for name in ("results.db", "report.html", "pcap"):
        assert (tmp_path / name).exists()
    tables = [ran.out.index(word) for word in ("sim: our TCP", "case ", "emu: our TCP", "error")]
    assert tables == sorted(tables)
    for piece in ("CPU time is not modelled yet", "Try next", "As root it adds", "net_ring",
                  "goodput_bps", "fct_s", "captures clean"):
        assert piece in ran.out
    assert not re.search(r"https?://", (tmp_path / "report.html").read_text())
    captures = check_all(str(tmp_path / "pcap"))
    assert len(captures) >= 5 and all(capture.clean for capture in captures)


def test_the_demo_answers_in_json_and_refuses_a_bad_folder(cli, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    ran = cli("demo", "--out", "file/below", "--json")
    assert ran.code == 2 and ran.json["problems"][0]["field"] == "--out"
