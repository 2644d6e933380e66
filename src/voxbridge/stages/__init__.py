"""The clients of the backends: speech to text, agent, text to speech. What a stage promises: `contracts`."""
