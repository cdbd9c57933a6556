package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

func TestShowJSON(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		s := tt.manager(t).Open(t.Context(), "")
		s.SetExpiry(ginsession.ExpireAt(farAway))
		s.Update(map[string]any{"user": "Zo\u00eb <b>\u009b2J", "n": json.RawMessage("9007199254740993")})
		if err := s.Save(); err != nil {
			t.Fatal(err)
		}
		got := ginsessionCommand(t, nil, s.Key()+"\n", tt.args("show", "--json", "-")...)
		got.wantSuccess(t)
		golden(t, "show_json", got.stdout)
		if strings.Contains(got.stdout, s.Key()) {
			t.Error("the output shows the key")
		}
	})
}

func TestShowJSONRefusesWhatIsNoJSON(t *testing.T) {
	tt := newTestTable(t, sqliteDSN(t))
	key := save(t, tt.manager(t), "n", 1)
	if err := tt.db.Table(tt.name).Where("1 = 1").Update("session_data", `{"n":NaN}`).Error; err != nil {
		t.Fatal(err)
	}
	ginsessionCommand(t, nil, "", tt.args("show", "--json", key)...).want(t, 1, "",
		"ginsession: the session holds a number that JSON does not have, such as Python's NaN\nShow it without --json.\n")
}

func TestStatsJSON(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, tt testTable) {
		stats := func() string {
			got := ginsessionCommand(t, nil, "", tt.args("stats", "--json")...)
			got.wantSuccess(t)
			return got.stdout
		}
		golden(t, "stats_json_empty", stats())
		m := tt.manager(t)
		saveEnding(t, m, 3, longAgo)
		saveEnding(t, m, 1, farAway)
		golden(t, "stats_json", stats())
	})
}

func TestStatsJSONDatesAreInUTC(t *testing.T) {
	var out strings.Builder
	local := farAway.In(time.FixedZone("", 9*60*60))
	sum := totals{sessions: 1, live: 1, earliest: local, latest: local}
	if err := sum.printJSON(&environment{stdout: &out}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"latest_expiry": "2101-02-03T04:05:06Z"`) {
		t.Errorf("printed:\n%s", out.String())
	}
}
