"""The embedded engines: speech to text, agent and text to speech on the real servers' wire protocols.

They run in a process of their own, since CPU-heavy work in the daemon makes its 20 ms frames late. Importing this
package loads none of them.
"""

from __future__ import annotations
