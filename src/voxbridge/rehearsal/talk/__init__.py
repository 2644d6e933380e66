"""``voxbridge talk``: the daemon in the simulated Discord, and a person in it, through a page on this machine.

page (getUserMedia) -> PCM over a websocket -> gate -> Opus -> You, a member of the call -> the daemon's process
page (loudspeaker)  <- PCM over a websocket <- Opus <- what You hears                    <- the daemon's process
page (words, times) <- JSON                 <- the daemon's events and its journal of turns
"""
