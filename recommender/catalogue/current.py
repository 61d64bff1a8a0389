"""The catalogue that answers now: a rebuilt one takes the place of the old without a restart."""

from __future__ import annotations

import logging
import threading
import time

from recommender.catalogue.base import Catalogue
from recommender.errors import CatalogueError, CatalogueUnavailable

REFUSED_SECONDS = 60.0
"""A rebuilt catalogue that does not open is tried again after this: the cause may have been the machine's."""
_log = logging.getLogger(__name__)


class Current:
    """Holds the catalogue in use. Safe to use from several threads; whoever has got one may use it to the end."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._reloading = threading.Lock()
        self._refused: tuple[object, float] = None, 0.0

    def catalogue(self) -> Catalogue:
        """Return the catalogue of this moment; a rebuilt one is taken up by the first who asks."""
        current = self._catalogue
        identity = current.identity_now()
        if identity == current.identity or not self._reloading.acquire(blocking=False):
            return current
        # Other threads go on with the old catalogue meanwhile, and close it by letting go of it.
        try:
            refused, until = self._refused
            if identity == refused and time.monotonic() < until:
                return current
            self._catalogue = current.reopen()
            _log.info("catalogue %s has taken the place of %s", self._catalogue.id, current.id)
        except CatalogueUnavailable:
            pass  # it is looked at again with the next question
        except CatalogueError as error:
            self._refused = identity, time.monotonic() + REFUSED_SECONDS
            _log.error("the new catalogue is not taken up, %s stays in use: %s", current.id, error)
        finally:
            self._reloading.release()
        return self._catalogue

    def close(self) -> None:
        """Close the catalogue."""
        self._catalogue.close()
