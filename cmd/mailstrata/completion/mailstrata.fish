# fish completion for mailstrata. The program itself knows what a word could become: mailstrata __complete.

function __mailstrata_complete
    set -l typed (commandline -opc)
    set -l word (commandline -ct)
    for line in ($typed[1] __complete -- $typed[2..-1] $word 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path $word
        else
            echo $line
        end
    end
end

complete -c mailstrata -f -k -a '(__mailstrata_complete)'
