package ginsession_test

import (
	"encoding/gob"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// basket has a memo that only this process knows.
type basket struct {
	Lines map[string]int
	sum   int
}

// rounding keeps less of a number than the record has.
type rounding struct{ N float64 }

func (r *rounding) UnmarshalJSON(text []byte) error {
	n, err := strconv.ParseFloat(string(text), 64)
	r.N = n
	return err
}

func (r *rounding) MarshalJSON() ([]byte, error) { return json.Marshal(int64(r.N)) }

// What encodes as before is no change, whatever the handler did with the value in memory.
func TestReadingIsNoChange(t *testing.T) {
	for _, tt := range []struct {
		name, stored string
		read         func(s *ginsession.Session)
	}{
		{"an unexported field", `{"v":{"Lines":{"tea":2}}}`, func(s *ginsession.Session) {
			b, _ := ginsession.Value[*basket](s, "v")
			b.sum = 3
		}},
		{"a field that JSON leaves out", `{"v":{"Lines":null}}`, func(s *ginsession.Session) {
			b, _ := ginsession.Value[*struct {
				Lines []int
				Memo  int `json:"-"`
			}](s, "v")
			b.Memo = 3
		}},
		{"a narrower type with a memo", `{"v":{"Lines":{"tea":2},"coupon":"SPRING"}}`, func(s *ginsession.Session) {
			b, _ := ginsession.Value[*basket](s, "v")
			b.sum = 3
		}},
		{"a number that the type rounds", `{"v":9007199254740993}`, func(s *ginsession.Session) {
			b, _ := ginsession.Value[*rounding](s, "v")
			b.N += 0.25
		}},
		{"an order of keys and a spelling of numbers that are not ours", `{"v":{"b":1e+16,"a":1.50}}`, func(s *ginsession.Session) {
			s.Get("v")
			b, _ := ginsession.Value[*map[string]float64](s, "v")
			(*b)["a"] = 1.5
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newSite(t)
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("other", 1) })
			w.store.Put(v.key(), tt.stored)
			w.store.Calls()

			r := v.post(tt.read)

			check(t, "status", r.StatusCode, http.StatusOK)
			check(t, "cookie", r.cookie(), (*http.Cookie)(nil))
			checkCalls(t, w.store, "Load")
			check(t, "record", w.store.Text(v.key()), tt.stored)
		})
	}
}

// A change through a narrower type is the handler's, and one through the whole type keeps what it
// did not touch.
func TestChangeThroughType(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("v", basket{Lines: map[string]int{"tea": 2}}) })
	v.post(func(s *ginsession.Session) {
		b, _ := ginsession.Value[*basket](s, "v")
		b.sum = 2
		b.Lines["tea"]++
	})
	check(t, "record", w.store.Text(v.key()), `{"v":{"Lines":{"tea":3}}}`)
}

type (
	wideUser   struct{ Name, Mail string }
	narrowUser struct{ Name string }
)

// Several values may be handed out for one key: whichever was changed is saved, and two that were
// changed are an error that names the key.
func TestSeveralViewsOfOneValue(t *testing.T) {
	wide := func(s *ginsession.Session) *wideUser { v, _ := ginsession.Value[*wideUser](s, "user"); return v }
	narrow := func(s *ginsession.Session) *narrowUser { v, _ := ginsession.Value[*narrowUser](s, "user"); return v }
	const clash = ""
	for _, tt := range []struct {
		name   string
		handle func(s *ginsession.Session)
		want   string // the record, or clash
	}{
		{"the first changed", func(s *ginsession.Session) {
			u := wide(s)
			narrow(s)
			u.Mail = "a@b"
		}, `{"user":{"Name":"al","Mail":"a@b"}}`},
		{"the second changed", func(s *ginsession.Session) {
			wide(s)
			narrow(s).Name = "bo"
		}, `{"user":{"Name":"bo"}}`},
		{"the second read after the first was changed", func(s *ginsession.Session) {
			u := wide(s)
			u.Name = "bo"
			check(t, "the second", narrow(s).Name, "bo")
			u.Mail = "a@b"
		}, `{"user":{"Name":"bo","Mail":"a@b"}}`},
		{"an untyped one changed", func(s *ginsession.Session) {
			wide(s)
			s.Get("user").(map[string]any)["Name"] = "bo"
			narrow(s)
		}, `{"user":{"Mail":"m","Name":"bo"}}`},
		{"both changed", func(s *ginsession.Session) {
			u, v := wide(s), narrow(s)
			u.Mail, v.Name = "a@b", "bo"
		}, clash},
		{"the first changed after a change through the second", func(s *ginsession.Session) {
			u := wide(s)
			narrow(s).Name = "bo"
			s.Get("user")
			u.Mail = "a@b"
		}, clash},
		{"what was Set, changed", func(s *ginsession.Session) {
			u := &wideUser{Name: "cy"}
			s.Set("user", u)
			narrow(s)
			s.Get("user")
			u.Mail = "c@d"
		}, `{"user":{"Name":"cy","Mail":"c@d"}}`},
		{"a value read from what was Set, changed", func(s *ginsession.Session) {
			s.Set("user", &wideUser{Name: "cy"})
			narrow(s).Name = "di"
		}, `{"user":{"Name":"di"}}`},
		{"both of these", func(s *ginsession.Session) {
			u := &wideUser{Name: "cy"}
			s.Set("user", u)
			narrow(s).Name = "di"
			u.Mail = "c@d"
		}, clash},
		{"Set after a change", func(s *ginsession.Session) {
			wide(s).Name = "bo"
			s.Set("user", 1)
		}, `{"user":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newSite(t)
			v := w.visitor(t)
			v.post(func(s *ginsession.Session) { s.Set("user", wideUser{"al", "m"}) })
			before := w.store.Text(v.key())

			var failure error
			r := v.post(func(s *ginsession.Session) {
				tt.handle(s)
				failure = s.Save()
			})

			if tt.want == clash {
				checkContains(t, failure.Error(), `"user"`, "wideUser", "narrowUser")
				check(t, "ErrEncode", errors.Is(failure, ginsession.ErrEncode), true)
				check(t, "status", r.StatusCode, http.StatusInternalServerError)
				check(t, "record", w.store.Text(v.key()), before)
				return
			}
			check(t, "Save", failure, error(nil))
			check(t, "record", w.store.Text(v.key()), tt.want)
		})
	}
}

// Get gives in this request what it will give in the next.
func TestOneTypeNowAndLater(t *testing.T) {
	type named string
	now := time.Date(2026, 11, 26, 1, 2, 3, 0, time.UTC)
	for name, serializer := range map[string]ginsession.Serializer{"JSON": ginsession.JSON, "Gob": ginsession.Gob} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, func(cfg *ginsession.Config) { cfg.Serializer = serializer })
			s := d.session(t, "")
			values := map[string]any{
				"int": 1, "int8": int8(1), "int64": int64(1), "uint": uint(1), "float32": float32(0.5), "float": 1.5, "whole": 2.0,
				"nil": nil, "bool": true, "string": "x", "ints": []int{1}, "strings": []string{"a"}, "bytes": []byte("b"),
			}
			if name == "JSON" {
				values["time"] = now
				values["named"] = named("n")
				values["huge"] = uint64(1 << 63)
				values["number"] = json.Number("1.0")
				values["map"] = map[string]any{"n": 1}
				values["list"] = []any{"a", 2}
				values["struct"] = wideUser{Name: "al"}
				values["pointer"] = &wideUser{Name: "al"}
			}
			s.Update(values)
			first := s.Items()
			save(t, s)
			check(t, "after the save", s.Items(), first)
			check(t, "in the next request", d.session(t, s.Key()).Items(), first)
			check(t, "SetDefault", s.SetDefault("new", 7), d.session(t, s.Key()).SetDefault("new", 7))
			i, ok := ginsession.Value[int8](s, "int8")
			check(t, "Value of the type that was set", []any{i, ok}, []any{int8(1), true})
		})
	}
}

// unstable encodes differently each time.
type unstable struct {
	Seen  map[string]int
	calls *int
}

func (u *unstable) MarshalJSON() ([]byte, error) {
	*u.calls++
	return json.Marshal(rand.Int64())
}

// Nobody can say whether a value that encodes differently each time was changed inside: it is
// saved when it is Set.
func TestUnstableEncoding(t *testing.T) {
	w := newSite(t, func(cfg *ginsession.Config) {
		cfg.Engine, cfg.SecretKey = ginsession.SignedCookies(), "a secret of at least thirty-two bytes"
	})
	v := w.visitor(t)
	calls := 0
	v.post(func(s *ginsession.Session) {
		s.Set("v", &unstable{calls: &calls, Seen: map[string]int{}})
		_ = s.Save()
	})
	check(t, "log", w.log.String(), "")
	check(t, "saved", v.get(func(s *ginsession.Session) { check(t, "Has", s.Has("v"), true) }).StatusCode, http.StatusOK)
}

type gobUser struct {
	Name string
	Tags map[string]int
}

// A pointer that was Set comes back as a pointer and as a value, in this request as in the next, and
// likewise a value; what is changed behind it is saved.
func TestGobPointers(t *testing.T) {
	gob.Register(gobUser{})
	for name, set := range map[string]any{"pointer": &gobUser{Name: "al"}, "value": gobUser{Name: "al"}} {
		d := newDesk(t, func(cfg *ginsession.Config) { cfg.Serializer = ginsession.Gob })
		s := d.session(t, "")
		s.Set("user", set)
		for _, when := range []string{"now", "later"} {
			p, ok := ginsession.Value[*gobUser](s, "user")
			check(t, name+", read as a pointer "+when, ok && p.Name == "al", true)
			v, ok := ginsession.Value[gobUser](s, "user")
			check(t, name+", read as a value "+when, ok && v.Name == "al", true)
			save(t, s)
			s = d.session(t, s.Key())
		}
		p, _ := ginsession.Value[*gobUser](s, "user")
		p.Tags = map[string]int{"tea": 1}
		save(t, s)
		v, _ := ginsession.Value[gobUser](d.session(t, s.Key()), "user")
		check(t, name+", changed behind the pointer", v.Tags, map[string]int{"tea": 1})
	}
}

// A save encodes a value once, and reading it encodes nothing.
func TestValuesAreEncodedOnce(t *testing.T) {
	w := newSite(t)
	v := w.visitor(t)
	calls := 0
	v.post(func(s *ginsession.Session) { s.Set("v", &unstable{calls: &calls}) })
	check(t, "encodings", calls, 1)
	v.post(func(s *ginsession.Session) { s.Set("other", 1) })
	check(t, "encodings after another request", calls, 1)
}
