"""Fields of days: browsers take the ISO form only, any other shows an empty field and saving loses the day."""

import ast

from tests.arch.source import SOURCE, product_files, tree

ISO = "%Y-%m-%d"


def _formats(call: ast.Call) -> list[str]:
    return [ast.literal_eval(word.value) for word in call.keywords if word.arg == "format"]


def test_every_field_of_a_day_is_written_the_way_browsers_read_it():
    bare = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in product_files()
        if "DateInput(" in path.read_text(encoding="utf-8")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "DateInput" and _formats(node) != [ISO]
    ]
    assert bare == []
