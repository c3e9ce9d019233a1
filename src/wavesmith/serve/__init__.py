"""The verbs over HTTP, and what the studio's page needs: a library, a queue of jobs, trainings.

Everything here needs the extra `studio` (`pip install 'wavesmith[studio]'`) but the library and the queue.
"""
