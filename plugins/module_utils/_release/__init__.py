# Copyright: the golden.fleet founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The releases of one service on one host: staged, active, proven good, or marked bad.

::

    <root>/releases/<version>/   complete if it is there: renamed into place once it is whole and on the disk
    <root>/current               link to releases/<version>
    <root>/slots/                with slots: two copies of releases in turn, slots.py; `current` leads to one of them
    <root>/records/<version>.json
    <root>/activation.json       which switch was begun, and whether its commands have succeeded
    <root>/fence.json            the highest number of a lock's holder that has been here
    <root>/shared/               what outlives releases; ours to make, never to touch
    <root>/staging/              half-made things; whatever is found here at the start of a change is removed
    <root>/.lock                 held by whoever changes any of this

Each file here holds one step, ``engine.py`` is the way in. Python's standard library only, and each thing is imported
where it is first needed: on a host that does one step, starting Python is most of the cost.
"""
