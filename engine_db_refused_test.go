package ginsession_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// TestDBRefusesIdleOptions has options that would do nothing.
func TestDBRefusesIdleOptions(t *testing.T) {
	db := openSQLite(t)
	fill := func(map[string]any) map[string]any { return nil }
	for _, c := range []struct {
		name, want string
		option     ginsession.DBOption
	}{
		{"CacheMaxAge", "CacheMaxAge: ", ginsession.CacheMaxAge(time.Minute)},
		{"a negative CacheMaxAge", "CacheMaxAge: ", ginsession.CacheMaxAge(-time.Minute)},
		{"Columns without a column", "Columns: ", ginsession.Columns(&ginsession.Model{}, fill)},
	} {
		_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db, c.option)})
		for function, err := range map[string]error{"DB": err, "Migrate": ginsession.Migrate(db, c.option)} {
			var config *ginsession.ConfigError
			if !errors.As(err, &config) || config.Field != "Engine" || !strings.HasPrefix(config.Problem, c.want) {
				t.Errorf("%s with %s: %v; want a ConfigError of Engine that begins with %q", function, c.name, err, c.want)
			}
		}
	}
}
