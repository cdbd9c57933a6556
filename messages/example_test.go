package messages_test

import (
	"fmt"
	"html/template"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/messages"
)

const profilePage = `{{range .Messages}}<p class="{{.Level}}{{range .Tags}} {{.}}{{end}}">{{.Text}}</p>
{{else}}<p>Your profile</p>
{{end}}`

// A form whose success the next page reports, once.
func Example() {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.SetHTMLTemplate(template.Must(template.New("profile.html").Parse(profilePage)))
	r.Use(ginsession.New(ginsession.Config{Engine: ginsession.Cached(memory.New()), CookieSecure: true}))
	r.POST("/profile", func(c *gin.Context) {
		if err := messages.Add(ginsession.Get(c), messages.Success, "Saved as <Ada>.", "fades"); err != nil {
			c.Status(http.StatusServiceUnavailable)
			return
		}
		c.Redirect(http.StatusSeeOther, "/profile")
	})
	r.GET("/profile", func(c *gin.Context) {
		c.HTML(http.StatusOK, "profile.html", gin.H{"Messages": messages.Take(ginsession.Get(c))})
	})

	recorder := httptest.NewRecorder()
	r.ServeHTTP(recorder, httptest.NewRequest("POST", "/profile", nil))
	cookie := recorder.Result().Cookies()[0]
	for range 2 {
		request := httptest.NewRequest("GET", "/profile", nil)
		request.AddCookie(cookie)
		recorder := httptest.NewRecorder()
		r.ServeHTTP(recorder, request)
		fmt.Print(recorder.Body)
	}
	// Output:
	// <p class="success fades">Saved as &lt;Ada&gt;.</p>
	// <p>Your profile</p>
}

// A page that shows what a Django view has marked as safe HTML without escaping it, because it
// trusts every program that can write the session.
func ExampleMessage() {
	page := template.Must(template.New("").Parse("{{.}}\n"))
	for _, m := range []messages.Message{
		{Level: messages.Info, Text: "<b>from Gin</b>"},
		{Level: messages.Info, Text: "<b>from Django</b>", HTML: true},
	} {
		var text any = m.Text
		if m.HTML {
			text = template.HTML(m.Text)
		}
		if err := page.Execute(os.Stdout, text); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// &lt;b&gt;from Gin&lt;/b&gt;
	// <b>from Django</b>
}
