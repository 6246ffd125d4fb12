-- SPDX-License-Identifier: ISC
-- Tests how Ardour connects the plugins: ardour_tracks.lua URI CHANNELS INPUTS OUTPUTS [SCRIPT]. On a track of so
-- many channels the plugin has so many inputs and outputs, none of them silent, and a session with it can be
-- loaded again. SCRIPT is the script for Stems in docs/: after it has run, both buses have audio.
local script = arg[5]
local uri, channels = arg[1], tonumber(arg[2])
local inputs, outputs = tonumber(arg[3]), tonumber(arg[4])
local folder = os.getenv("BSM_SESSION")

AudioEngine:set_backend("None (Dummy)", "", "")
AudioEngine:set_device_name("Pink Noise")
AudioEngine:set_buffer_size(512)
local session = assert(create_session(folder, "tracks", 48000), "create_session")
local tracks = session:new_audio_track(channels, channels, nil, 1, "music",
    ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
local track = tracks:front()
track:monitoring_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
local plugin = ARDOUR.LuaAPI.new_plugin(session, uri, ARDOUR.PluginType.LV2, "")
assert(not plugin:isnil(), "Ardour does not take " .. uri)
assert(track:add_processor_by_index(plugin, 0, nil, true) == 0, "add_processor")
assert(plugin:input_streams():n_audio() == inputs, "inputs")
assert(plugin:output_streams():n_audio() == outputs, "outputs")

local insert, audio = plugin:to_plugininsert(), ARDOUR.DataType("audio")
for channel = 0, 1 do -- both of the plugin's inputs have something
    local source = insert:input_map(0):get(audio, channel)
    assert(source == math.min(channel, inputs - 1), "input " .. channel .. " from " .. source)
end
sleep(4)
for channel = 0, outputs - 1 do
    local level = track:peak_meter():meter_level(channel, ARDOUR.MeterType.MeterMaxPeak)
    assert(level > -60, "output " .. channel .. " is silent")
end
if script then
    ardour, Session = function() end, session -- as in Ardour's own window
    dofile(script)
    factory()()
end
session:save_state("", false, false, false, false, false)
tracks, track, plugin, insert = nil, nil, nil, nil
collectgarbage() -- closing waits for what Lua still holds
session:close()

print("LOADING")
io.stdout:flush()
session = assert(load_session(folder, "tracks"), "load_session")
plugin = session:route_by_name("music"):nth_plugin(0)
assert(not plugin:isnil(), "the plugin is lost")
if script then
    sleep(6)
    for _, name in ipairs({"music vocals", "music instrumental"}) do
        local bus = session:route_by_name(name)
        assert(not bus:isnil(), "there is no bus " .. name)
        local level = bus:peak_meter():meter_level(0, ARDOUR.MeterType.MeterMaxPeak)
        assert(level > -60, name .. " is silent")
    end
end
plugin, Session = nil, nil
collectgarbage()
session:close()
print("DONE")
os.exit(0)
