"""What an operator deploys: compose.yaml, proxies, users of the broker."""
