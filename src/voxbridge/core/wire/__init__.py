"""What foreign bytes mean: formats and protocols. Every reader is total: any bytes in, our own errors out."""
