"""``README.txt`` of a bundle: for somebody who has never heard of this program."""

TEXT = """\
EVIDENCE FROM AN APPEND-ONLY RECORD
===================================

This bundle holds facts of the record of an Understudy installation (alarms, synchronisations and switchovers of
redundant control cards), and what shows that nobody has edited them since they were sealed.

How to check
------------
    python3 -I -S verify.py FILE.zip     (or, in the unpacked folder: python3 -I -S verify.py)
    python3 -I -S FILE.zip               (the same, without unpacking; bundles below 4 GiB)

With -I -S, Python takes its own modules only, none that somebody has put beside the bundle. Unpack a bundle into a
folder of its own: any file there that is not of the bundle is reported.

It needs Python 3.8 or newer, and nothing else: no network, no Understudy. Exit code 0: verified; 1: not, and it
says what is wrong and where. Two options make the answer worth more:
    --key NAME+ID+BASE64    the public key of the installation, as you know it from elsewhere
    --checkpoint FILE       a checkpoint of the record that was kept elsewhere when the facts were new
Whoever could give you a forged bundle could give you a forged verify.py with it: where that matters, take verify.py
from another bundle or from an installation that you trust. All bundles of one version have the same.

What it proves
--------------
- The facts, byte for byte, are those whose tree the holder of the key has signed, each at its position.
- In a bundle of all chassis: no position of the range is missing. In a bundle of one chassis: none of its facts in
  the range is missing; for that, neighbours.jsonl has its fact before the range and the one behind it. Where there is
  none behind it yet, that nothing more came before the end of the range is not proved, and verify.py says so.
- Each checkpoint is the beginning of the next: nothing was edited between them.
- facts.csv says what facts.jsonl says; not a bit of the zip file was changed since it was signed.

What it does not prove
----------------------
- That the record tells the truth: only that it was not changed after a checkpoint was made.
- That the key is whose it should be: without --key, that is for you to know.
- That the holder of the key has not made a second, different record. Only a checkpoint that somebody else kept
  shows that; see --checkpoint.
- facts.parquet is signed with the rest, but verify.py does not read its content.

What is inside
--------------
manifest.json       what was asked, by whom, when; each member with its size and SHA-256
manifest.note       the signature of manifest.json (C2SP signed note, Ed25519)
facts.jsonl         one fact a line; "stored" is its JSON exactly as the record has it
facts.csv           the same as a table; an apostrophe stands before what a spreadsheet would take for a formula
facts.parquet       the same, where the exporting side could write it
leaves.bin          the hash of each fact, 32 bytes each, in the order of the lines
neighbours.jsonl    in a bundle of one chassis, its fact before the range and the one behind it
proof.bin           the hashes of the tree between the facts, 32 bytes each
checkpoints/        signed roots of the tree (C2SP tlog-checkpoint)
consistency.json    the proofs between them (RFC 9162, section 2.1.4)
notary.pub          the public key
verify.py           the verifier; __main__.py starts it when Python is given the zip file

The hash of a fact is SHA-256 of a zero byte, then position, chassis, version, name and stored JSON, with a line feed
between them; that of a node, SHA-256 of a byte 1 and the hashes of its two halves (RFC 9162, section 2.1).
"""
