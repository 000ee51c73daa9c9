"""A project's settings: ``load`` reads config.toml, ``edit`` changes it, ``model`` holds them."""
