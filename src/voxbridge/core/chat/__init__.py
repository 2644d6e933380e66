"""The conversation in writing: what stands in the chat, how it gets there, and the file at the end."""
