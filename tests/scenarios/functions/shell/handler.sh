# What a function does that is written in shell: every transport of a bootstrap sources this.
# The test writes events without spaces and "do" first, so that a shell can read them.
counter=0

text_of() { # text_of NAME: a string of the event that has no quotes in it
    local rest=${event#*\"$1\":\"}
    printf '%s' "${rest%%\"*}"
}

number_of() {
    local rest=${event#*\"$1\":}
    printf '%s' "${rest%%[!0-9]*}"
}

json_string() {
    local escaped=${1//\\/\\\\}
    printf '"%s"' "${escaped//\"/\\\"}"
}

handle() { # sets $response, or $failure for what is to be posted as an error; $event and the headers are given
    response=null
    failure=
    case $event in
    '{"do":"echo"'*)
        response=${event#*\"value\":}
        response=${response%\}}
        ;;
    '{"do":"context"'*)
        response=$(
            printf '{"requestId":"%s","functionArn":"%s","remainingMs":%s,' \
                "$request_id" "$function_arn" $((deadline_ms - $(date +%s%3N)))
            printf '"functionName":"%s","functionVersion":"%s","memoryMb":%s,"logGroup":"%s","logStream":"%s",' \
                "$AWS_LAMBDA_FUNCTION_NAME" "$AWS_LAMBDA_FUNCTION_VERSION" "$AWS_LAMBDA_FUNCTION_MEMORY_SIZE" \
                "$AWS_LAMBDA_LOG_GROUP_NAME" "$AWS_LAMBDA_LOG_STREAM_NAME"
            printf '"clientContext":%s,"identity":%s,"traceId":"%s"}' \
                "${client_context:-null}" "${identity:-null}" "$trace_id"
        )
        ;;
    '{"do":"environment"'*)
        response=
        while IFS= read -r -d '' entry; do
            response+=,$(json_string "${entry%%=*}"):$(json_string "${entry#*=}")
        done < <(env -0)
        response="{${response#,}}"
        ;;
    '{"do":"process"'*)
        response="{\"directory\":\"$(pwd)\",\"uid\":$(id -u),\"gid\":$(id -g),\"pid\":$$}"
        ;;
    '{"do":"write"'*)
        response=false
        head -c $(($(number_of megabytes) * 1048576)) /dev/zero 2>/dev/null > "$(text_of path)" && response=true
        ;;
    '{"do":"exists"'*)
        response=false
        [ -e "$(text_of path)" ] && response=true
        ;;
    '{"do":"remove"'*) rm "$(text_of path)" ;;
    '{"do":"count"'*)
        counter=$((counter + 1))
        response=$counter
        ;;
    '{"do":"say"'*)
        echo "out: $(text_of text)"
        echo "err: $(text_of text)" >&2
        ;;
    '{"do":"fail"'*) failure="{\"errorMessage\":\"$(text_of message)\",\"errorType\":\"Scenario.Failed\"}" ;;
    '{"do":"exit"'*) exit "$(number_of status)" ;;
    '{"do":"signal"'*) kill -KILL $$ ;;
    '{"do":"sleep"'*)
        sleep "$(($(number_of ms) / 1000)).$(printf %03d $(($(number_of ms) % 1000)))"
        response=$(json_string "$AWS_LAMBDA_LOG_STREAM_NAME")
        ;;
    '{"do":"large"'*) response=\"$(head -c "$(number_of bytes)" /dev/zero | tr '\0' x)\" ;;
    *) failure="{\"errorMessage\":\"unknown event\",\"errorType\":\"Scenario.Unknown\"}" ;;
    esac
}

initialize() { # `post` is the transport's
    case ${SCENARIO_INIT-} in
    fail)
        post init/error '{"errorMessage":"init failed","errorType":"Scenario.InitFailed"}'
        exit 1
        ;;
    exit) exit 3 ;;
    sleep) sleep 20 ;;
    say) echo "said in init" ;;
    esac
}
