// Package messages keeps one-time messages in the session: a handler adds one ("Saved."), and the
// next page that the visitor opens shows it. Source: Django's messages framework.
//
//	r.POST("/profile", func(c *gin.Context) {
//		if err := messages.Add(ginsession.Get(c), messages.Success, "Saved."); err != nil { … }
//		c.Redirect(http.StatusSeeOther, "/profile")
//	})
//	r.GET("/profile", func(c *gin.Context) {
//		c.HTML(http.StatusOK, "profile.html", gin.H{"Messages": messages.Take(ginsession.Get(c))})
//	})
//
//	{{range .Messages}}<p class="{{.Level}}{{range .Tags}} {{.}}{{end}}">{{.Text}}</p>{{end}}
//
// A message is shown once, and none is lost: if one request takes the messages while another adds
// one, the new one is kept for the next page. If the session cannot be saved after [Take], the
// response is an error page instead, and the messages stay. Two requests that take at the same time
// may both show the same messages. With [ginsession.SignedCookies], which cannot compare before it
// writes, the later response wins.
//
// # Django
//
// The messages are stored as Django's SessionStorage stores them, so that in a shared session
// (see [ginsession.ForDjango]) a Gin page shows what a Django view has added, and a Django page what
// a Gin handler has. Django must be told to keep them in the session, because its default,
// FallbackStorage, looks into a cookie of its own first:
//
//	MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
//
// Django writes back what it has read without looking at what has been stored since. A message that is
// added while a Django request runs may be lost, or shown twice.
package messages

import (
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/ginsession/ginsession"
)

// A Level says how important a message is. A program may have levels of its own in between.
type Level int

// Django's levels. Every one is kept: unlike Django's MESSAGE_LEVEL, which drops Debug, the page
// chooses what it shows.
const (
	Debug   Level = 10
	Info    Level = 20
	Success Level = 25
	Warning Level = 30
	Error   Level = 40
)

// String returns the level's name in lower case, such as "success", for use as a CSS class. That of
// any other level is its number. Source: Django's level_tag.
func (l Level) String() string {
	switch l {
	case Debug:
		return "debug"
	case Info:
		return "info"
	case Success:
		return "success"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return strconv.Itoa(int(l))
}

// A Message is one message to the visitor.
type Message struct {
	Level Level    // how important it is
	Text  string   // plain text, unless HTML is set
	Tags  []string // what the page may use as CSS classes; Django's extra_tags, split at spaces

	// HTML reports that a Django view has marked Text as safe HTML (mark_safe, format_html). Text is
	// an ordinary string all the same, which html/template escapes. A page that trusts every
	// program with access to the session may show template.HTML(m.Text) if HTML is set. [Add] never
	// sets it.
	HTML bool
}

// key is where Django's SessionStorage keeps the messages.
const key = "_messages"

// errUnreadable is the error of a value under key that this package and Django did not write.
var errUnreadable = errors.New(`messages: the session's value of "` + key + `" is not a list of messages: delete it, or keep it under another key`)

// Add keeps a message for the next page that calls [Take]. An empty text is no message and is
// dropped, as in Django. Tags are joined by spaces.
//
// The error says why the message was not added: the session could not be loaded
// ([ginsession.ErrUnavailable], which the middleware answers), the text or a tag is not UTF-8
// ([ginsession.ErrEncode]), or the session holds something else under the key "_messages", which is
// left as it is.
func Add(s *ginsession.Session, level Level, text string, tags ...string) error {
	if text == "" {
		return nil
	}
	added, err := encodeMessage(level, text, strings.Join(tags, " "))
	if err != nil {
		return err
	}
	if _, err := load(s); err != nil {
		return err
	}
	return change(s, func(l list) list { return append(l, added) })
}

// Take returns the messages, oldest first, and removes them from the session: those and no others,
// even if another request adds some before this one is saved. It is nil if there are none, or if
// they cannot be read; [ginsession.Session.Err] tells whether the session could be loaded. A
// session without messages is not modified.
func Take(s *ginsession.Session) []Message {
	l, err := load(s)
	if err != nil || len(l.messages()) == 0 {
		return nil
	}
	var taken list
	err = change(s, func(l list) list {
		if taken == nil { // the first run: what this request sees
			taken = l.messages()
		}
		return l.without(taken)
	})
	if err != nil {
		return nil
	}
	return taken.decode()
}

// load returns what is stored.
func load(s *ginsession.Session) (list, error) {
	v := s.Get(key)
	if err := s.Err(); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return parse(v)
	default:
		return nil, errUnreadable
	}
}

// change replaces the list by what f makes of it, and of what other requests have saved by then.
func change(s *ginsession.Session, f func(list) list) error {
	if s.Key() == "" { // nobody else can have saved this session
		return replace(s, f)
	}
	_, err := ginsession.Modify(s, key, func(old string, _ bool) string {
		l, err := parse(old)
		if err != nil {
			l = nil // another program has replaced the list since load: it holds no message
		}
		return f(l).encode()
	})
	if errors.Is(err, errors.ErrUnsupported) {
		return replace(s, f)
	}
	return err
}

// replacing makes replace one step to the goroutines of a request. It is held for no longer than it
// takes to look into a session that has been loaded.
var replacing sync.Mutex

// replace is change for a session that only this request can save.
func replace(s *ginsession.Session, f func(list) list) error {
	replacing.Lock()
	defer replacing.Unlock()
	l, err := load(s)
	if err != nil {
		return err
	}
	if _, ok := s.Lookup(key); !ok && s.Has(key) {
		return errUnreadable // by the manager's Serializer
	}
	if l = f(l); len(l) > 0 {
		s.Set(key, l.encode())
	} else {
		s.Pop(key)
	}
	return s.Err()
}
