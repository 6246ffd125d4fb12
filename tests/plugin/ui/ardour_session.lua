-- SPDX-License-Identifier: ISC
-- Makes a session with the plugin on a track, for JACK: ardour_session.lua URI FOLDER
assert(AudioEngine:set_backend("JACK", "ardour", ""), "no JACK")
local session = assert(create_session(arg[2], "plugin", 48000), "create_session")
local tracks = session:new_audio_track(2, 2, nil, 1, "music", ARDOUR.PresentationInfo.max_order,
    ARDOUR.TrackMode.Normal, true)
local plugin = ARDOUR.LuaAPI.new_plugin(session, arg[1], ARDOUR.PluginType.LV2, "")
assert(not plugin:isnil(), "Ardour does not take " .. arg[1])
assert(tracks:front():add_processor_by_index(plugin, 0, nil, true) == 0, "add_processor")
session:save_state("", false, false, false, false, false)
print("DONE")
io.stdout:flush()
os.exit(0)
