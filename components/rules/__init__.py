"""What serves on day one: counted rules behind the serving contract."""
