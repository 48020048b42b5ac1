"""Reports: what became of each node of a network, at what cost; as data, a file, a page.

Entry: ``analyze_network`` in ``analysis.py``, before a conversion, and ``report`` in
``report.py``, after it.
"""
