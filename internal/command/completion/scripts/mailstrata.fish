# fish completion for mailstrata. The program itself knows what a word could become: mailstrata __complete.

function __mailstrata_complete
    set -l typed (commandline -opc)
    set -l word (commandline -ct)
    # The word is as it was typed, and a quote may still be open.
    set -l plain
    for close in '' \" \'
        set plain (string unescape -- $word$close 2>/dev/null); and break
    end
    set -q plain[1]; or set plain $word
    for line in ($typed[1] __complete -- $typed[2..-1] "$plain" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$plain"
        else
            echo $line
        end
    end
end

complete -c mailstrata -f -k -a '(__mailstrata_complete)'
