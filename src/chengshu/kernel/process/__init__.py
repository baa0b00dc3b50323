"""The place of the process engine (BPMN 2.0, one to-do list); it arrives with the support engines.

Nothing may pretend to be it: until then life cycles are explicit state machines behind services.
"""
