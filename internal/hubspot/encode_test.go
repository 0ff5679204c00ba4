package hubspot_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ticketetl/ticketetl/internal/hubspot"
)

// FuzzAppendString holds the encoder against encoding/json: whatever the text,
// both must read back the same.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b\\c/d", "line\nbreak\r\ttab\x00\x1f\x7f", "ação – 数 🎫", "\u2028\u2029",
		"bad \xff\xfe utf8 \xe2\x82", "\xed\xa0\x80", "<script>&amp;", "\ufffd"} {
		f.Add(s)
		f.Add(strings.Repeat("ação, in more than 64 bytes; ", 3) + s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		standard, err := json.Marshal(s)
		require.NoError(t, err)
		var want, got string
		require.NoError(t, json.Unmarshal(standard, &want))
		require.NoError(t, json.Unmarshal(hubspot.AppendString(nil, s), &got))
		require.Equal(t, want, got)
	})
}

// What a body holds, as its reader sees it.
type wireBody struct {
	Inputs []wireInput `json:"inputs"`
}

type wireInput struct {
	Trace        string            `json:"objectWriteTraceId"`
	ID           string            `json:"id"`
	IDProperty   *string           `json:"idProperty"`
	Properties   map[string]string `json:"properties"`
	Associations []struct {
		To    struct{ ID string }
		Types []hubspot.TypeSpec
	} `json:"associations"`
}

func TestBodiesReadBackAsGiven(t *testing.T) {
	t.Parallel()
	name := rapid.StringMatching(`[a-z][a-z0-9_]{0,8}`)
	rapid.Check(t, func(rt *rapid.T) {
		properties := rapid.Custom(func(rt *rapid.T) hubspot.Property {
			return hubspot.Property{Name: name.Draw(rt, "name"), Value: rapid.String().Draw(rt, "value")}
		})
		creates := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) hubspot.CreateInput {
			return hubspot.CreateInput{
				TraceID:    rapid.String().Draw(rt, "trace"),
				Properties: rapid.SliceOfNDistinct(properties, 0, 5, func(p hubspot.Property) string { return p.Name }).Draw(rt, "properties"),
				Associations: rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) hubspot.AssociationInput {
					return hubspot.AssociationInput{
						ToID: rapid.StringMatching(`[0-9]{1,18}`).Draw(rt, "to"),
						Types: rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) hubspot.TypeSpec {
							return hubspot.TypeSpec{Category: "USER_DEFINED", TypeID: rapid.Int().Draw(rt, "type")}
						}), 0, 3).Draw(rt, "types"),
					}
				}), 0, 3).Draw(rt, "associations"),
			}
		}), 0, 5).Draw(rt, "creates")

		var body wireBody
		require.NoError(rt, json.Unmarshal(hubspot.AppendCreateInputs(nil, creates), &body))
		require.Len(rt, body.Inputs, len(creates))
		for i, in := range creates {
			got := body.Inputs[i]
			require.Equal(rt, in.TraceID, got.Trace)
			requireProperties(rt, in.Properties, got.Properties)
			require.Len(rt, got.Associations, len(in.Associations))
			for j, a := range in.Associations {
				require.Equal(rt, a.ToID, got.Associations[j].To.ID)
				require.ElementsMatch(rt, a.Types, got.Associations[j].Types)
			}
		}

		upserts := make([]hubspot.UpsertInput, len(creates))
		for i, in := range creates {
			upserts[i] = hubspot.UpsertInput{TraceID: in.TraceID, ID: rapid.String().Draw(rt, "id"), Properties: in.Properties,
				IDProperty: rapid.SampledFrom([]string{"", "key"}).Draw(rt, "idProperty")}
		}
		body = wireBody{}
		require.NoError(rt, json.Unmarshal(hubspot.AppendUpsertInputs(nil, upserts), &body))
		require.Len(rt, body.Inputs, len(upserts))
		for i, in := range upserts {
			got := body.Inputs[i]
			require.Equal(rt, in.ID, got.ID)
			require.Equal(rt, in.IDProperty == "", got.IDProperty == nil, "an empty idProperty is left out")
			requireProperties(rt, in.Properties, got.Properties)
		}
	})
}

func requireProperties(t require.TestingT, want []hubspot.Property, got map[string]string) {
	require.Len(t, got, len(want))
	for _, p := range want {
		require.Equal(t, p.Value, got[p.Name])
	}
}

func decodeBody(t *testing.T, data string) wireBody {
	t.Helper()
	var body wireBody
	require.NoError(t, json.Unmarshal([]byte(data), &body))
	return body
}
