import{p as a,q as b}from"./chunk-IWLLCGW3.js";import"./chunk-MH6BXJN7.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
