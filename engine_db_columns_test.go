package ginsession_test

import (
	"net/http"
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// A taggedSession has a column that holds a whole list.
type taggedSession struct {
	ginsession.Model
	Tags []string `gorm:"type:text[]"`
}

// TestDBColumnOfList has the list bound as one value, however its statement reaches the database.
func TestDBColumnOfList(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) *gorm.DB{
		"past GORM":                func(t *testing.T) *gorm.DB { return openPostgres(t) },
		"through GORM":             func(t *testing.T) *gorm.DB { return withPlugin(t, openPostgres(t)) },
		"prepared":                 func(t *testing.T) *gorm.DB { return openPostgres(t, &gorm.Config{PrepareStmt: true}) },
		"with the simple protocol": dbVariants["postgres with the simple protocol"],
		"prepared by GORM, in a plugin": func(t *testing.T) *gorm.DB {
			return withPlugin(t, openPostgres(t, &gorm.Config{PrepareStmt: true}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			table := newTableName(t, db)
			fill := func(data map[string]any) map[string]any {
				tags := []string{}
				for _, key := range []string{"a", "b", "c"} {
					if data[key] != nil {
						tags = append(tags, key)
					}
				}
				return map[string]any{"tags": tags}
			}
			options := []ginsession.DBOption{ginsession.TableName(table), ginsession.Columns(&taggedSession{}, fill)}
			migrate(t, db, options...)
			site := newSite(t, func(cfg *ginsession.Config) { cfg.Engine = ginsession.DB(db, options...) })
			tags := func() (text string) {
				db.Raw("SELECT array_to_string(tags, ' ') FROM " + table).Scan(&text)
				return text
			}
			v := site.visitor(t)
			check(t, "status of a create", v.post(func(s *ginsession.Session) { s.Set("a", 1) }).StatusCode, http.StatusOK)
			check(t, "the column after it", tags(), "a")
			key := v.key()
			r := v.post(func(s *ginsession.Session) {
				s.Set("b", 1)
				site.somebodyElse(t, key, func(s *ginsession.Session) { s.Set("c", 1) })
			})
			check(t, "status of a save that merges", r.StatusCode, http.StatusOK)
			check(t, "the column after it", tags(), "a b c")
		})
	}
}
