import{p as a,q as b}from"./chunk-FULOSVDZ.js";import"./chunk-CVMZZXXE.js";import"./chunk-QSVTETRH.js";export{b as ConversationList,a as ListOfLinks};
