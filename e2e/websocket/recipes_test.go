package websocket_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	coder "github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"github.com/ginsession/ginsession"
)

// withGorilla and withCoder are in docs/recipes.md, word for word.

func withGorilla(r *gin.Engine, m *ginsession.Manager, upgrader *websocket.Upgrader) {
	r.GET("/chat", func(c *gin.Context) {
		s := ginsession.Get(c)
		s.Set("channel", c.Query("channel"))
		if err := s.Save(); err != nil {
			return // the ErrorHandler answers
		}
		header := http.Header{}
		header.Add("Set-Cookie", m.Cookie(s).String())
		conn, err := upgrader.Upgrade(c.Writer, c.Request, header)
		if err != nil {
			return // Upgrade has answered
		}
		defer conn.Close()
		for {
			_, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if err := s.Reload(); err != nil {
				return // ErrInterrupted: the visitor has signed out
			}
			s.Set("said", string(text))
			if err := s.Save(); err != nil {
				return
			}
			answer := ginsession.ValueOr(s, "name", "somebody") + " said " + string(text)
			if err := conn.WriteMessage(websocket.TextMessage, []byte(answer)); err != nil {
				return
			}
		}
	})
}

func withCoder(r *gin.Engine) {
	r.GET("/chat", func(c *gin.Context) {
		s := ginsession.Get(c)
		s.Set("channel", c.Query("channel"))
		conn, err := coder.Accept(c.Writer, c.Request, nil)
		if err != nil {
			return // Accept or the ErrorHandler has answered
		}
		defer conn.CloseNow()
		for {
			kind, text, err := conn.Read(c.Request.Context())
			if err != nil {
				return
			}
			if err := s.Reload(); err != nil {
				return // ErrInterrupted: the visitor has signed out
			}
			s.Set("said", string(text))
			if err := s.Save(); err != nil {
				return
			}
			answer := ginsession.ValueOr(s, "name", "somebody") + " said " + string(text)
			if err := conn.Write(c.Request.Context(), kind, []byte(answer)); err != nil {
				return
			}
		}
	})
}

// Each program under "Websockets" in docs/recipes.md is in this file.
func TestRecipesAreTheseHandlers(t *testing.T) {
	recipes, err := os.ReadFile("../../docs/recipes.md")
	if err != nil {
		t.Fatal(err)
	}
	this, err := os.ReadFile("recipes_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(recipes), "\n## Websockets\n")
	section, _, _ = strings.Cut(section, "\n## ")
	programs := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(programs) != 2 {
		t.Fatalf("there are %d programs under Websockets, want 2", len(programs))
	}
	for _, program := range programs {
		indented := "\t" + strings.ReplaceAll(strings.TrimSuffix(program[1], "\n"), "\n", "\n\t")
		if !strings.Contains(string(this), indented) {
			t.Errorf("this file does not have the program:\n%s", program[1])
		}
	}
}
