-- SPDX-License-Identifier: ISC
ardour {
    ["type"] = "EditorAction",
    name = "BSM Stems to two buses",
    license = "ISC",
    author = "the bsm authors",
    description = [[For each track with BSM Stems whose outputs go nowhere yet: makes a bus for the vocals and one for the
instrumental, connects them, and bypasses the track's panner, which would mix both.]]
}

function factory()
    return function()
        for track in Session:get_tracks():iter() do
            local plugin, at = track:nth_plugin(0), 0
            while not plugin:isnil() and plugin:display_name() ~= "BSM Stems" do
                at = at + 1
                plugin = track:nth_plugin(at)
            end
            if not plugin:isnil() and track:n_outputs():n_audio() == 4 then
                local buses = Session:new_audio_route(2, 2, nil, 2, track:name(),
                    ARDOUR.PresentationInfo.Flag.AudioBus, ARDOUR.PresentationInfo.max_order)
                local channel = 0
                for bus in buses:iter() do
                    bus:set_name(track:name() .. (channel == 0 and " vocals" or " instrumental"))
                    for side = 0, 1 do
                        local out = track:output():nth(channel)
                        out:disconnect_all()
                        out:connect(bus:input():nth(side):name())
                        channel = channel + 1
                    end
                end
                track:panner_shell():set_bypassed(true)
            end
        end
    end
end
