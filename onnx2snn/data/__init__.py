"""Arrays in every accepted form in, batches that a model can be fed out.

Entry: ``dataset`` in ``dataset.py``, which lists the forms.
"""
