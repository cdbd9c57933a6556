package main

import (
	"errors"
	"os"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}

// Each subject does what is asked of it: the workers check every answer.
func TestSubjects(t *testing.T) {
	for _, s := range sections() {
		if s.rows > baseRows {
			continue
		}
		for _, entry := range s.entries {
			t.Run(s.id+"/"+entry.subject.name, func(t *testing.T) {
				instance := open(t, s, entry.subject)
				for _, task := range entry.tasks {
					if _, err := instance.run(task, 100); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// The sessions are as large as the report says.
func TestSizes(t *testing.T) {
	for _, test := range []struct {
		content     content
		least, most int
	}{{small, 196, 196}, {large, 9_500, 10_500}} {
		text, err := jsonOf(test.content.of(7))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) < test.least || len(text) > test.most {
			t.Errorf("%d keys are %d bytes of JSON, want %d to %d", test.content.keys, len(text), test.least, test.most)
		}
	}
}

// No target lacks the measurements that it is about.
func TestTargetsAreMeasured(t *testing.T) {
	m := &measured{sections: map[string]result{}, cleaning: map[string]cleaning{"SQLite": {}, "PostgreSQL": {}}}
	for _, s := range sections() {
		var r result
		for _, entry := range s.entries {
			for _, task := range entry.tasks {
				r.Cells = append(r.Cells, cell{Subject: entry.subject.name, Task: task.String(), Nanos: []float64{1}})
			}
		}
		m.sections[s.id] = r
	}
	for _, target := range targets() {
		if len(target.values(m)) == 0 {
			t.Errorf("%s, %s: no section measures it", target.row, target.promise)
		}
	}
}

// The benchmarks are the cells of the report, for benchstat and for profiles.
func Benchmark(b *testing.B) {
	for _, s := range sections() {
		for _, entry := range s.entries {
			b.Run(s.id+"/"+entry.subject.name, func(b *testing.B) {
				instance := open(b, s, entry.subject)
				for _, task := range entry.tasks {
					b.Run(task.String(), func(b *testing.B) {
						b.ReportAllocs()
						if _, err := instance.run(task, b.N); err != nil {
							b.Fatal(err)
						}
					})
				}
			})
		}
	}
}

func open(t testing.TB, s section, subject subject) *instance {
	t.Helper()
	e := &environment{content: s.content, rows: s.rows}
	t.Cleanup(e.close)
	instance, err := subject.open(e)
	if errors.Is(err, errNoServer) && os.Getenv("CI") != "true" {
		t.Skip("SKIPPED: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return instance
}
