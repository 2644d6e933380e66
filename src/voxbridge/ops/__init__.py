"""Running the daemon: logs, sd_notify, metrics, the control server."""
