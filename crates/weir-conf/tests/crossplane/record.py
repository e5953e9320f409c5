#!/usr/bin/env python3
"""Writes recorded.jsonl: what crossplane makes of odd.conf and of tests/configurations, but for the one that grows with weir.

    pip install crossplane && python3 crates/weir-conf/tests/crossplane/record.py

Arguments and contexts are not checked: weir does that itself. `@` stands for the folder of the repository.
"""
import json
import pathlib

import crossplane

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[3]



def without_comments(block):
    """crossplane leaves comments out unless asked, but for those inside of a statement."""
    for statement in block:
        if statement["directive"] != "#":
            if "block" in statement:
                statement["block"] = list(without_comments(statement["block"]))
            yield statement


configurations = sorted((ROOT / "tests/configurations").glob("*.conf"))
files = [HERE / "odd.conf", *(file for file in configurations if file.stem != "every-directive")]
with open(HERE / "recorded.jsonl", "w") as out:
    for path in files:
        payload = crossplane.parse(str(path), check_ctx=False, check_args=False)
        for file in payload["config"]:
            file["parsed"] = list(without_comments(file["parsed"]))
        out.write(json.dumps(payload, separators=(",", ":")).replace(str(ROOT), "@") + "\n")
