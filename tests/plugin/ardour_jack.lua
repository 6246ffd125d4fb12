-- SPDX-License-Identifier: ISC
-- Runs a track between JACK ports that monitors its input: ardour_jack.lua URI RATE. It obeys files in the
-- session's folder: "plugin" adds the plugin, "mute" turns its vocals off, "end" ends the program.
local uri, rate = arg[1], tonumber(arg[2])
local folder = os.getenv("BSM_SESSION")
local VOCALS = 0 -- among the control inputs

local function wait_for(word)
    while true do
        local file = io.open(folder .. "/" .. word)
        if file then
            file:close()
            return
        end
        sleep(0.1)
    end
end

local function say(...)
    print(...)
    io.stdout:flush()
end

assert(AudioEngine:set_backend("JACK", "ardour", ""), "no JACK")
local session = assert(create_session(folder, "jack", rate), "create_session")
local tracks = session:new_audio_track(2, 2, nil, 1, "music", ARDOUR.PresentationInfo.max_order,
    ARDOUR.TrackMode.Normal, true)
local track = tracks:front()
track:monitoring_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
say("EMPTY")

wait_for("plugin")
local plugin = ARDOUR.LuaAPI.new_plugin(session, uri, ARDOUR.PluginType.LV2, "")
assert(not plugin:isnil(), "Ardour does not take " .. uri)
assert(track:add_processor_by_index(plugin, 0, nil, true) == 0, "add_processor")
sleep(3) -- the model loads
say("LATENCY", math.floor(plugin:to_plugininsert():signal_latency()))

wait_for("mute")
ARDOUR.LuaAPI.set_processor_param(plugin, VOCALS, -60)
sleep(1)
say("MUTED")

wait_for("end")
say("DONE")
tracks, track, plugin = nil, nil, nil
collectgarbage() -- closing waits for what Lua still holds
session:close()
os.exit(0)
