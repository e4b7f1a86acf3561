"""How the bytes of the sources come in: adopted, downloaded, and remembered in the lock; `stages.fetch` calls it."""
