-- SPDX-License-Identifier: ISC
-- Adds a plugin to the session that ardour_record.lua made, tries presets, saves, and loads again:
--     ardour_plugin.lua URI OUTPUTS LOOKAHEAD [PRESET VOCALS INSTRUMENTAL]...
-- LOOKAHEAD is the port's value; the last preset is kept. Prints the latency.
local uri, outputs, lookahead = arg[1], tonumber(arg[2]), tonumber(arg[3])
local VOCALS, INSTRUMENTAL, LOOKAHEAD = 0, 1, 2 -- indices of control inputs

local function open()
    return assert(load_session(os.getenv("BSM_SESSION"), "noise"), "load_session")
end

local function close(session)
    collectgarbage() -- closing waits for what Lua still holds
    session:close()
end

local function expect(processor, number, wanted)
    local value = ARDOUR.LuaAPI.get_processor_param(processor, number)
    assert(math.abs(value - wanted) < 1e-4, "parameter " .. number .. " is " .. value ..
        " instead of " .. wanted)
end

local function latency_of(processor)
    return processor:to_plugininsert():signal_latency()
end

AudioEngine:set_backend("None (Dummy)", "", "")
AudioEngine:set_device_name("Pink Noise")
AudioEngine:set_buffer_size(512)
local session = open()
local route = session:route_by_name("music")
local plugin = ARDOUR.LuaAPI.new_plugin(session, uri, ARDOUR.PluginType.LV2, "")
assert(not plugin:isnil(), "Ardour does not take " .. uri)
assert(route:add_processor_by_index(plugin, 0, nil, true) == 0, "add_processor")
assert(plugin:output_streams():n_audio() == outputs, "outputs")
local insert = plugin:to_plugininsert():plugin(0)

local ui = ARDOUR.TransportRequestSource.TRS_UI
session:request_roll(ui)
local vocals, instrumental = 0, 0
for first = 4, #arg, 3 do
    local preset = insert:preset_by_label(arg[first])
    assert(preset, "no preset " .. arg[first])
    assert(insert:load_preset(preset), "preset " .. arg[first])
    vocals, instrumental = tonumber(arg[first + 1]), tonumber(arg[first + 2])
    sleep(0.4)
    expect(plugin, VOCALS, vocals)
    expect(plugin, INSTRUMENTAL, instrumental)
end
ARDOUR.LuaAPI.set_processor_param(plugin, LOOKAHEAD, lookahead)
sleep(4) -- a new look-ahead is heard, and reported, one latency later
local latency = latency_of(plugin)
assert(latency > 0, "no latency")
session:request_stop(false, false, ui)
sleep(0.5)
session:save_state("", false, false, false, false, false)
route, plugin, insert = nil, nil, nil
close(session)

session = open()
plugin = session:route_by_name("music"):nth_plugin(0)
assert(not plugin:isnil(), "the plugin is lost")
for _ = 1, 40 do -- the restored look-ahead is heard, and reported, when its network is ready
    if latency_of(plugin) == latency then break end
    sleep(0.5)
end
expect(plugin, VOCALS, vocals)
expect(plugin, INSTRUMENTAL, instrumental)
expect(plugin, LOOKAHEAD, lookahead)
assert(latency_of(plugin) == latency, "latency " .. latency .. " became " .. latency_of(plugin))
print("LATENCY", math.floor(latency))
print("DONE")
io.stdout:flush()
plugin = nil
close(session)
os.exit(0)
