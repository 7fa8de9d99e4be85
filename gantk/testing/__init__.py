"""What an author runs on a plugin, with one line in a test file:

    from gantk.testing import conformance

    test_plugin = conformance("my_plugin")

Each rule for each component is a pytest case of its own; `docs/plugins.md` has the table of rules. Without pytest:
`gantk doctor --plugin my_plugin`.
"""

from gantk.testing.conformance import Case, cases, conformance
from gantk.testing.rule import RULES, Broken, NotChecked, Rule

__all__ = ["RULES", "Broken", "Case", "NotChecked", "Rule", "cases", "conformance"]
