package main

import (
	"encoding/base64"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"os"
)

// collect reads a response stream to its end; told hears of its first piece as soon as it is there.
func collect(payload string, told func(string)) seen {
	answer := must(client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{
		FunctionName: name, Payload: []byte(payload), LogType: types.LogTypeTail,
	}))
	events := answer.GetStream()
	defer events.Close()
	text := []byte{}
	result := seen{
		"status": answer.StatusCode, "version": answer.ExecutedVersion, "contentType": answer.ResponseStreamContentType,
	}
	for event := range events.Events() {
		switch event := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			if len(text) == 0 {
				told(string(event.Value.Payload))
			}
			text = append(text, event.Value.Payload...)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			end := event.Value
			result["errorCode"] = end.ErrorCode
			if end.ErrorDetails != nil {
				result["errorDetails"] = document([]byte(*end.ErrorDetails))
			}
			result["log"] = string(must(base64.StdEncoding.DecodeString(*end.LogResult)))
		default:
			panic("an event that the SDK doesn't know")
		}
	}
	if err := events.Err(); err != nil {
		panic(err)
	}
	result["text"] = string(text)
	return result
}

func stream() seen {
	quietly := func(string) {}
	gate := must(strconv.Atoi(os.Getenv("GATE")))
	slow := collect(`{"steps": [{"text": "one"}, {"gate": `+strconv.Itoa(gate)+`}, {"text": "two"}]}`, func(first string) {
		tell(seen{"first": first})
	})
	failed := collect(`{"steps": [{"text": "one"}, {"fail": "RangeError"}]}`, quietly)
	long := collect(`{"steps": [{"text": "0123456789", "times": 800000}]}`, quietly)
	long["text"] = len(long["text"].(string))
	whole := call(`{"steps": [{"text": "one"}, {"text": "two"}]}`, func(*lambda.InvokeInput) {})
	dry := must(client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{
		FunctionName: name, InvocationType: types.ResponseStreamingInvocationTypeDryRun,
	}))
	dry.GetStream().Close()
	return seen{
		"slow": slow, "failed": failed, "long": long, "whole": string(whole.Payload), "dryRun": dry.StatusCode,
		"missing": refusal(client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{
			FunctionName: aws.String("nobody"),
		})),
	}
}
