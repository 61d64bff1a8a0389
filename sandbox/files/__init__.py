"""Files of the workspace: kept, uploaded, downloaded."""
