"""``python -m chengshu_demo --scale small --out DIR``: the demo city as files to look at.

Writes one CSV per entry (UTF-8, header of column names) in a folder per department, the
sharing calls and the ground truth as Parquet, and a note that everything is fictitious.
"""

import argparse
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from chengshu_demo import CALL_SCHEMA, SCALES, Scale, calls, city, rows, total, write_ground_truth
from chengshu_demo.encoding import (
    FICTITIOUS_CARD_BIN,
    FICTITIOUS_MOBILE,
    FICTITIOUS_PLATE,
    FICTITIOUS_PREFIX,
)
from chengshu_demo.model import Entry

_NOTE = f"""本目录全部为生成的演示数据, 不涉及任何真实的人、企业和号码。
身份证号与统一社会信用代码使用从未启用的区划 {FICTITIOUS_PREFIX}, 手机号使用未启用号段 {FICTITIOUS_MOBILE},
银行卡号使用无发卡行的 {FICTITIOUS_CARD_BIN}, 车牌使用 {FICTITIOUS_PLATE}; 校验位均有效。
ground_truth.parquet 逐格列出预埋的质量问题 (_fictitious = {FICTITIOUS_PREFIX})。
"""


def _write_entry(entry: Entry, scale: Scale, directory: Path) -> None:
    folder = directory / entry.provider
    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(item.column, pa.string()) for item in entry.items])
    with pa_csv.CSVWriter(folder / f"{entry.key}.csv", schema) as writer:
        for batch in rows(entry.key, scale=scale):
            writer.write_batch(batch)


def write(directory: Path, *, scale: Scale) -> None:
    """Write the whole city into a directory (created if missing)."""
    directory.mkdir(parents=True, exist_ok=True)
    for entry in city().entries:
        _write_entry(entry, scale, directory)
    with pq.ParquetWriter(directory / "calls.parquet", CALL_SCHEMA, compression="zstd") as writer:
        for batch in calls(scale):
            writer.write_batch(batch)
    write_ground_truth(directory, scale=scale)
    (directory / "README.md").write_text(_NOTE, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="chengshu_demo", description="生成龙港演示城市的数据文件")
    parser.add_argument("--scale", choices=SCALES, default="small", help="规模")
    parser.add_argument("--out", type=Path, required=True, help="输出目录")
    options = parser.parse_args(arguments)
    write(options.out, scale=options.scale)
    found = total(options.scale)
    sys.stdout.write(
        f"已写入 {options.out}: {len(city().entries)} 个目录, 原始 {found.source} 行 = "
        f"合格 {found.accepted} + 应拦截 {found.quarantined} + 重复 {found.duplicates}\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
