-- SPDX-License-Identifier: ISC
-- Makes a session with three seconds of recorded noise; BSM_SESSION names its folder.
AudioEngine:set_backend("None (Dummy)", "", "")
AudioEngine:set_device_name("Pink Noise")
AudioEngine:set_buffer_size(1024)
local session = create_session(os.getenv("BSM_SESSION"), "noise", 48000)
assert(session, "create_session")

local tracks = session:new_audio_track(2, 2, nil, 1, "music", ARDOUR.PresentationInfo.max_order,
    ARDOUR.TrackMode.Normal, true)
local track = tracks:front()
local ui = ARDOUR.TransportRequestSource.TRS_UI
track:rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
session:maybe_enable_record(false)
session:request_roll(ui)
sleep(3)
session:request_stop(false, false, ui)
sleep(1)
track:rec_enable_control():set_value(0, PBD.GroupControlDisposition.NoGroup)
assert(track:playlist():region_list():size() == 1, "nothing was recorded")

session:save_state("", false, false, false, false, false)
tracks, track = nil, nil
collectgarbage() -- closing waits for what Lua still holds
session:close()
print("DONE")
os.exit(0)
