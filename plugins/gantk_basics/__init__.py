"""First-party plugin `basics`: the usual losses, optimisers, nets, teaching data, metrics, views and one format."""
