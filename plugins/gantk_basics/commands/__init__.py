"""Commands of the plugin: click alone."""
