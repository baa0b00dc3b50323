"""`python -m chengshu_evidence FOLDER [--key PUBLIC.pem] [--answer RECORD FILE]`: the third party's tool."""

import argparse
import hashlib
import json
import sys
from pathlib import Path

from chengshu_evidence import manifest
from chengshu_evidence.lines import GATEWAY
from chengshu_evidence.verify import Report, verify
from chengshu_sm2 import Sm2Unavailable


def main(arguments: list[str] | None = None) -> int:
    """Verify; returns the exit status (0 good, 1 contradictions, 2 misuse)."""
    parser = argparse.ArgumentParser(prog="chengshu_evidence", description="离线核验导出的留痕")
    parser.add_argument("folder", type=Path, help="导出的文件夹")
    parser.add_argument("--key", type=Path, help="另行取得的市公钥（PEM）")
    parser.add_argument(
        "--answer", nargs=2, metavar=("记录编号", "文件"), help="另核对一个应答体是否就是当时返回的"
    )
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        sys.stderr.write(f"文件夹不存在：{options.folder}\n")
        return 2
    try:
        report = verify(
            options.folder, public_pem=options.key.read_bytes() if options.key else None
        )
    except (OSError, Sm2Unavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(told(report))
    answered = True
    if options.answer and report.ok:
        answered = _answer(options.folder, options.answer[0], Path(options.answer[1]).read_bytes())
    return 0 if report.ok and answered else 1


def told(report: Report) -> str:
    """Return the report as people read it."""
    rows = [f"- {f.place}：{f.text}（{f.kind}）" for f in report.findings]
    rows.append(
        f"{report.files} 个文件，{report.records} 条记录，{report.anchors} 个锚点，公钥 {report.key}。"
    )
    if report.application:
        rows.append(
            f"只交应用 {report.application} 的调用；其余 {report.withheld} 条隐去内容，编号和散列仍在链上，没有增减。"
        )
    if report.keys > 1:
        rows.append(f"先后有 {report.keys} 把密钥签过锚点，换钥逐次签名相接。")
    if report.discounted:
        rows.append(f"{report.discounted} 个锚点是在密钥宣布泄露的时间之后签的，不作数。")
    if report.own_key:
        rows.append("公钥取自文件夹本身：请另行向本市核对公钥编号，或用 --key 指定公钥。")
    rows.append(
        "核验通过。" if report.ok else f"核验未通过：{len(report.findings)} 处问题，请保全原件。"
    )
    return "\n".join(rows) + "\n"


def recorded_digest(folder: Path, record: str) -> str | None:
    """Return the digest kept of an answer, by the record's number in `X-Cs-Record`; None: not here."""
    worker, _, seq = record.partition("-")
    found = manifest.parse((folder / manifest.MANIFEST).read_bytes())
    for chain in found.chains:
        if (chain.trail, chain.chain) != (GATEWAY, worker):
            continue
        for part in chain.parts:
            for line in (folder / part.path).read_bytes().split(b"\n"):
                if line.startswith(b'{"seq":%s,' % seq.encode()):
                    found_record = json.loads(line)
                    withheld = "withheld" in found_record
                    return None if withheld else str(found_record.get("digest", ""))
    return None


def _answer(folder: Path, record: str, body: bytes) -> bool:
    kept = recorded_digest(folder, record)
    if kept is None:
        sys.stdout.write(f"记录 {record} 不在这次导出的范围内。\n")
        return False
    same = kept == hashlib.sha256(body).hexdigest()
    words = "就是当时返回的应答。" if same else "不是当时返回的应答。"
    sys.stdout.write(f"记录 {record}：这份内容{words}\n")
    return same


if __name__ == "__main__":
    raise SystemExit(main())
