"""Identity providers, where people log in elsewhere (OpenID Connect Core 1.0; GitHub)."""
