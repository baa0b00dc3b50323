"""Command line of the gateway: `python -m chengshu_gateway serve|verify|retire`."""

import argparse
import ipaddress
import json
import sys
from dataclasses import asdict
from pathlib import Path

from chengshu_gateway.audit_reader import Checkpoint
from chengshu_gateway.audit_verify import verify
from chengshu_gateway.keys import GatewayKeys, KeyMissingError
from chengshu_gateway.retention import MINIMUM_YEARS, retire
from chengshu_gateway.signers import HmacSigner


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status (0 good, 1 audit contradicts itself, 2 misuse)."""
    parser = argparse.ArgumentParser(prog="chengshu_gateway", description="城枢共享网关")
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="运行共享网关")
    serving.add_argument("--data", type=Path, required=True, help="网关数据目录")
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, default=8900)
    serving.add_argument("--workers", type=int, default=1)
    serving.add_argument(
        "--trusted-proxy", action="append", default=[], help="可信反向代理的网段（CIDR），可重复"
    )
    serving.add_argument(
        "--public-url",
        default="",
        help="调用方使用的地址，令牌和证明都写明它（默认取 CHENGSHU_GATEWAY_URL）",
    )
    serving.add_argument(
        "--slow-seconds", type=float, default=20.0, help="请求头或请求体超过几秒没有收完就放弃"
    )
    serving.add_argument(
        "--client-ca",
        type=Path,
        help="认可的客户端证书签发机构（PEM，可多张；默认取 CHENGSHU_GATEWAY_CLIENT_CA）",
    )
    serving.add_argument(
        "--mtls-url",
        default="",
        help="要求客户端证书的入口地址，与调用地址不同才写（默认取 CHENGSHU_GATEWAY_MTLS_URL）",
    )
    checking = commands.add_parser("verify", help="核验调用记录是否被改动")
    checking.add_argument("directory", type=Path, help="网关数据目录，或其中的 audit 目录")
    checking.add_argument("--known", type=Path, help="另处保存的检查点（JSON Lines），一并核对")
    retiring = commands.add_parser("retire", help="删除超过保存年限的调用记录（整段，留签名说明）")
    retiring.add_argument("directory", type=Path, help="网关数据目录")
    retiring.add_argument(
        "--years", type=int, default=MINIMUM_YEARS, help=f"保存年限，至少 {MINIMUM_YEARS} 年"
    )
    options = parser.parse_args(arguments)
    try:
        return {"serve": _serve, "verify": _verify, "retire": _retire}[options.command](options)
    except (KeyMissingError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _serve(options: argparse.Namespace) -> int:
    from chengshu_gateway.serve import ServeOptions, serve

    for network in options.trusted_proxy:
        ipaddress.ip_network(network)
    serve(
        ServeOptions(
            data=options.data,
            host=options.host,
            port=options.port,
            workers=options.workers,
            trusted_proxies=options.trusted_proxy,
            public_url=options.public_url,
            slow_seconds=options.slow_seconds,
            client_ca=options.client_ca,
            mtls_url=options.mtls_url,
        )
    )
    return 0


def _retire(options: argparse.Namespace) -> int:
    keys = GatewayKeys.from_environment()
    audit = options.directory / "audit"
    if not audit.is_dir():
        raise ValueError(f"目录不存在：{audit}。请指明网关数据目录。")
    removed = retire(audit, HmacSigner(keys.checkpoint), years=options.years)
    sys.stdout.write(f"删除了 {len(removed)} 段超过 {options.years} 年的调用记录，其余原样保留。\n")
    return 0


def _verify(options: argparse.Namespace) -> int:
    directory = options.directory
    if (directory / "audit").is_dir():
        directory = directory / "audit"
    if not directory.is_dir():
        raise ValueError(f"目录不存在：{directory}。请指明网关数据目录。")
    known = []
    if options.known is not None:
        lines = options.known.read_text("utf-8").splitlines()
        known = [Checkpoint(**json.loads(line)) for line in lines if line]
    keys = GatewayKeys.from_environment()
    report = verify(directory, HmacSigner(keys.checkpoint), known=known)
    sys.stdout.write(json.dumps(asdict(report), ensure_ascii=False, indent=2) + "\n")
    if report.ok:
        sys.stdout.write(f"核验通过：{report.records} 条记录，{report.checkpoints} 个检查点。\n")
        return 0
    sys.stdout.write(f"核验未通过：发现 {len(report.problems)} 处问题，请保全原始文件并上报。\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
